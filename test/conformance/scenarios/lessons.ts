/** The configurations of the lessons, as they stand in labs/, and the requests that the lessons make. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { filesWith, top } from '../../lint/files.ts';
import { type Ports, request, type Scenario, type Step, stats, together } from '../scenario.ts';
import { clusterStats } from './failures.ts';

/** Addresses in the lessons' world, and where they are here. */
function places(ports: Ports): Record<number, { address: string; port: number }> {
  const httpbin = { address: '127.0.0.1', port: ports.httpbin };
  return {
    15001: { address: '127.0.0.1', port: ports.listener },
    9901: { address: '127.0.0.1', port: ports.admin },
    // Versions of httpbin, where a lesson has several, are one here.
    ...{ 8000: httpbin, 8001: httpbin, 8002: httpbin, 8003: httpbin },
  };
}

/** The same configuration with this machine's addresses, and with nothing left to chance. */
function moved(value: unknown, ports: Ports, given: string): unknown {
  if (Array.isArray(value)) return value.map(one => moved(one, ports, given));
  if (value === null || typeof value !== 'object') return value;
  const { address, port_value: port, ...rest } = value as { address?: unknown; port_value?: unknown };
  const place = places(ports)[Number(port)];
  if (place && typeof address === 'string') return { ...rest, address: place.address, port_value: place.port };
  if ('numerator' in value) return { numerator: 100 };
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, moved(certain(key, found(key, inner, given)), ports, given)]),
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

const requests: Step[] = [
  request('/headers', { headers: ['user-agent: curl/8.14.1', 'accept: */*'] }),
  request('/status/418'),
  request('/delay/2'),
  request('/status/500'),
  request('/flaky/2'),
  request('/flaky/3'),
  request('/flaky/4'),
  request('/get'),
  request('/status/404'),
  request('/post', { method: 'POST', body: '{"a":1}', headers: ['content-type: application/json'] }),
];

/** Lines of the access log on standard output, once all are there. */
const log: Step = {
  name: 'the access log on standard output',
  see: async ({ running }) => {
    const until = Date.now() + 15_000;
    while (logLines(running.output).length < requests.length && Date.now() < until) await wait(100);
    return logLines(running.output);
  },
};

function logLines(output: string): string[] {
  // The usual format, or that of lesson 2.18.
  const lines = output.split('\n').filter(line => / HTTP\/1\.1" \d{3} .*"$|^[A-Z]+ \/\S* \d{3} /.test(line));
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
    config: ports => moved(source, ports, join(top, file, '../../given')),
    steps: [...requests, counted, ...(text.includes('access_log') && !/\bfilter:/.test(text) ? [log] : [])],
  };
}

const files = await filesWith(/\.(yaml|json)$/, 'labs/lessons');

export const lessons: Scenario[] = files
  .filter(file => file.includes('/solution/') && /listeners/.test(readFileSync(join(top, file), 'utf8')))
  .map(scenario);
