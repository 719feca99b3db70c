/** The configurations of the lessons, as they stand in labs/, and the requests that the lessons make. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { filesWith, top } from '../../lint/files.ts';
import { type Ports, request, type Scenario, type Step, stats, together } from '../scenario.ts';
import { clusterStats } from './failures.ts';

type Places = Record<number, { address: string; port: number }>;

/** Addresses in the world of a lesson's configuration, and where they are here. */
function places(ports: Ports, text: string): Places {
  const httpbin = { address: '127.0.0.1', port: ports.httpbin };
  const listener = { address: '127.0.0.1', port: ports.listener };
  const admin = { address: '127.0.0.1', port: ports.admin };
  const nobody = { address: '127.0.0.1', port: ports.nobody };
  const anywhere = { address: '127.0.0.1', port: 0 };
  return {
    15001: listener,
    // where a service's sidecar listens, and its caller's calls
    15006: text.includes('15001') ? httpbin : listener,
    ...{ 9901: admin, 9902: admin },
    // Further listeners are not called, and neither a collector nor a service that counts is there.
    ...{ 15002: anywhere, 15003: anywhere, 9411: nobody, 8081: nobody },
    // Versions of httpbin, where a lesson has several, are one here.
    ...{ 8000: httpbin, 8001: httpbin, 8002: httpbin, 8003: httpbin },
    50051: { address: '127.0.0.1', port: ports.http2 },
  };
}

/** The same configuration with this machine's addresses, and with nothing left to chance. */
function moved(value: unknown, at: Places, given: string): unknown {
  if (Array.isArray(value)) return value.map(one => moved(one, at, given));
  if (value === null || typeof value !== 'object') return value;
  const { address, port_value: port, ...rest } = value as { address?: unknown; port_value?: unknown };
  const place = at[Number(port)];
  if (place && typeof address === 'string') return { ...rest, address: place.address, port_value: place.port };
  if ('numerator' in value) return { numerator: 100 };
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, moved(certain(key, found(key, inner, given)), at, given)]),
  );
}

/** Files that a lesson gives lie in a learner's home there. */
function found(key: string, value: unknown, given: string): unknown {
  return key === 'filename' && typeof value === 'string' ? join(given, value) : value;
}

/** Of weighted clusters the first takes all. */
function certain(key: string, value: unknown): unknown {
  if (key !== 'weighted_clusters') return value;
  const { clusters, ...rest } = value as { clusters: object[] };
  return { ...rest, clusters: clusters.map((one, index) => ({ ...one, weight: index === 0 ? 1 : 0 })) };
}

const agent = ['user-agent: curl/8.14.1', 'accept: */*'];

/** The lessons' requests, to the first host that the configuration knows, where it does not know all. */
function requests(text: string): Step[] {
  const named = /domains: \[([a-z]+)/.exec(text)?.[1];
  const host = named ?? 'example.com';
  return [
    request('/headers', { host, headers: agent }),
    ...['/status/418', '/delay/1.5', '/status/500', '/flaky/2', '/flaky/3', '/flaky/4', '/get', '/status/404'].map(
      path => request(path, { host }),
    ),
    request('/post', { method: 'POST', body: '{"a":1}', host, headers: ['content-type: application/json'] }),
  ];
}

const requestCount = requests('').length;

/** Ids of traces and spans are random. */
function withoutIds({ name, see }: Step): Step {
  return {
    name,
    see: async place => {
      const text = JSON.stringify(await see(place));
      return JSON.parse(text.replace(/(x-b3-(?:traceid|spanid)\W+)[0-9a-f]{16,32}/gi, '$1<id>'));
    },
  };
}

/** Lines of the access log on standard output, once all are there. */
const log: Step = {
  name: 'the access log on standard output',
  see: async ({ running }) => {
    const until = Date.now() + 15_000;
    while (logLines(running.output).length < requestCount && Date.now() < until) await wait(100);
    return logLines(running.output);
  },
};

function logLines(output: string): string[] {
  // The usual format, or that of lessons 2.18 and 2.20.
  const lines = output
    .split('\n')
    .filter(line => / HTTP\/1\.1" \d{3} .*"$|^(?:[A-Z]+|HTTP\/1\.1) \/\S* \d{3} /.test(line));
  return lines.map(line =>
    line
      .replace(/^\[.*?\] /, '')
      .replace(/ \d+ (\d+|-) "/, ' <ms> "')
      .replace(/ \d+ms$/, ' <ms>')
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '<uuid>')
      .replace(/:\d+"$/, ':<port>"'),
  );
}

function scenario(file: string): Scenario {
  const text = readFileSync(join(top, file), 'utf8');
  const source = parse(text);
  const clusters: { name: string }[] = source.static_resources?.clusters ?? [];
  const counted = together(
    'the statistics of the clusters',
    clusters.map(({ name }) => stats(...clusterStats(name))),
  );
  return {
    name: `lesson ${file.split('/')[2]}: ${basename(file)}`,
    config: ports => moved(source, places(ports, text), join(top, file, '../../given')),
    steps: [
      ...requests(text).map(withoutIds),
      counted,
      ...(text.includes('access_log') && !/\bfilter:/.test(text) ? [log] : []),
    ],
  };
}

const files = await filesWith(/\.(yaml|json)$/, 'labs/lessons');

export const lessons: Scenario[] = files
  .filter(file => file.includes('/solution/') && /listeners/.test(readFileSync(join(top, file), 'utf8')))
  .map(scenario);
