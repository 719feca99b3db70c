import { basename } from 'node:path';
import type {
  HttpResponse,
  Methods,
  ProcessStatus,
  ReplayResult,
  RequestTls,
} from '../../images/agent/protocol/messages.ts';
import type { Configuration, GivenFile, ReplayCheck, ReplayRequest } from '../labs/content.ts';
import { type Agent, failureCode } from './agent.ts';
import { bootstrapOf, type ConfigDump, frozen } from './frozen.ts';
import { CannotObserve, lastWords, shorten } from './verdict.ts';

/** Where the learner's proxy has its admin interface, unless a check says another port, and httpbin its address. */
const adminPort = 9901;
const httpbinAddress = '127.0.0.2';
const httpbinPort = 8000;
const httpbin = `http://${httpbinAddress}:${httpbinPort}`;

const collector = 'http://127.0.0.1:9411';

const startHint = 'Start it in its terminal: proxy -c, and the file of this lesson.';

type Address = NonNullable<Methods['replay']['params']['upstreams']>[number];

interface RuntimeLayer {
  name: string;
  static_layer?: Record<string, string>;
  admin_layer?: object;
}

/** What came of one request of a replay, sent once or more, and all that arrived of it. */
export interface Replayed {
  responses: ReplayResult['responses'];
  arrivals: ReplayResult['arrivals'];
}

/** One request that reached httpbin, as it remembers it. */
export interface Arrival {
  method: string;
  path: string;
  headers: [string, string][];
  atMs: number;
  status: number;
}

/** One span as the collector remembers it. */
export interface CollectedSpan {
  id: string;
  parentId?: string;
  name?: string;
}

/** What one run of an exercise's checks sees: each thing is read once, and nothing of the learner's is touched. */
export class Observation {
  readonly #agent: Agent;
  readonly #signal: AbortSignal;
  readonly #replays: readonly ReplayCheck[];
  readonly #read = new Map<string, Promise<unknown>>();

  /** @param replays the replay checks of this run: those of one configuration share a scratch proxy */
  constructor(agent: Agent, signal: AbortSignal, replays: readonly ReplayCheck[] = []) {
    this.#agent = agent;
    this.#signal = signal;
    this.#replays = replays;
  }

  #once<T>(key: string, read: () => Promise<T>): Promise<T> {
    let value = this.#read.get(key);
    if (!value) {
      value = read();
      this.#read.set(key, value);
    }
    return value as Promise<T>;
  }

  call: Agent['call'] = (method, params) => this.#agent.call(method, params, { signal: this.#signal });

  processes(): Promise<ProcessStatus[]> {
    return this.#once('processes', async () => (await this.call('process.list', {})).processes);
  }

  ports(): Promise<Methods['port.list']['result']['ports']> {
    return this.#once('ports', async () => (await this.call('port.list', {})).ports);
  }

  /** A GET in the learner's network; undefined where nobody answers. */
  get(url: string): Promise<HttpResponse | undefined> {
    return this.#once(`GET ${url}`, async () => {
      try {
        return await this.call('http.request', { url, timeoutMs: 5000, maximumBody: 4 * 1024 * 1024 });
      } catch (error) {
        if (failureCode(error) === 'refused' || failureCode(error) === 'not-found') return undefined;
        throw error;
      }
    });
  }

  /** The process of the learner's proxy that has the admin interface on that port. */
  async proxyProcess(admin = adminPort): Promise<ProcessStatus> {
    const expected = `the proxy runs, with its admin interface on port ${admin}`;
    const listener = (await this.ports()).find(port => port.port === admin);
    if (!listener) {
      const other = (await this.processes()).find(process => isProgram(process, 'proxy'));
      if (!other) throw new CannotObserve(expected, 'no proxy runs', startHint);
      throw new CannotObserve(
        expected,
        `the proxy runs, and nothing listens on port ${admin}`,
        admin === adminPort
          ? 'Does the configuration have admin, with port_value 9901? Checks read the proxy there.'
          : `This lesson has several proxies. The one whose configuration says port_value ${admin} under admin is not running.`,
      );
    }
    const process = (await this.processes()).find(candidate => candidate.pid === listener.pid);
    if (process && !isProgram(process, 'proxy')) {
      throw new CannotObserve(expected, `${basename(process.command[0] ?? '?')} listens on port ${admin}`, startHint);
    }
    return process ?? { pid: listener.pid ?? 0, parent: 0, user: 0, command: [], startedMs: Number.POSITIVE_INFINITY };
  }

  async #admin(path: string, admin = adminPort): Promise<string> {
    await this.proxyProcess(admin);
    const answer = await this.get(`http://127.0.0.1:${admin}${path}`);
    if (answer?.status === 200) return answer.body;
    throw new CannotObserve(
      'the admin interface answers',
      answer ? `it answered ${answer.status} to ${path}` : 'it refused the connection',
      startHint,
    );
  }

  /** A counter or gauge of the running proxy; `*` stands for any one part of a name, and what fits is summed. Undefined where there is none. */
  async stat(name: string, admin = adminPort): Promise<number | undefined> {
    const stats = await this.#once(`stats ${admin}`, () => this.#stats(admin));
    const parts = name.split('*').map(part => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp(`^${parts.join('[^.]+')}$`);
    const values = stats.filter(stat => pattern.test(stat.name)).map(stat => stat.value);
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  }

  async #stats(admin: number): Promise<{ name: string; value: number }[]> {
    const { stats } = JSON.parse(await this.#admin('/stats?format=json', admin)) as {
      stats: { name?: string; value?: number }[];
    };
    return stats.flatMap(({ name, value }) => (name === undefined || value === undefined ? [] : [{ name, value }]));
  }

  /** A configuration as text: what the running proxy says that it was started with, or a file of the learner's. */
  configuration(of: Configuration): Promise<string> {
    const admin = adminOf(of);
    if (admin === undefined) return this.file((of as { file: string }).file);
    return this.#once(`configuration ${admin}`, () => this.#runningConfiguration(admin));
  }

  async #runningConfiguration(admin: number): Promise<string> {
    return JSON.stringify(bootstrapOf(await this.#configDump(admin)));
  }

  #configDump(admin: number): Promise<ConfigDump> {
    const path = '/config_dump?include_eds';
    return this.#once(`dump ${admin}`, async () => JSON.parse(await this.#admin(path, admin)) as ConfigDump);
  }

  /** A configuration for a scratch copy: the running one with what came since, by xDS or by /runtime_modify. */
  async #replayable(of: Configuration): Promise<string> {
    const admin = adminOf(of);
    if (admin === undefined) return this.configuration(of);
    const bootstrap = frozen(await this.#configDump(admin)) as { layered_runtime?: { layers?: RuntimeLayer[] } };
    const text = JSON.stringify(bootstrap);
    const layers = bootstrap.layered_runtime?.layers ?? [];
    const place = layers.findIndex(layer => layer.admin_layer !== undefined);
    if (place < 0) return text;
    const { entries } = JSON.parse(await this.#admin('/runtime', admin)) as {
      entries: Record<string, { layer_values: string[] }>;
    };
    const modified = Object.entries(entries)
      .map(([key, { layer_values: values }]) => [key, values[place] ?? ''] as const)
      .filter(([, value]) => value !== '');
    layers.splice(place + 1, 0, { name: 'modified before the replay', static_layer: Object.fromEntries(modified) });
    return JSON.stringify(bootstrap);
  }

  file(path: string): Promise<string> {
    return this.#once(`file ${path}`, async () => {
      try {
        return (await this.call('file.read', { path, maximumBytes: 1024 * 1024 })).content;
      } catch (error) {
        if (failureCode(error) !== 'not-found') throw error;
        throw new CannotObserve(`the file ~/${path}`, 'there is no such file', `Make it in your home: ~/${path}`);
      }
    });
  }

  /** What httpbin remembers; undefined when it does not run. */
  async arrivals(): Promise<Arrival[] | undefined> {
    const answer = await this.get(`${httpbin}/_arrivals`);
    if (answer?.status !== 200) return undefined;
    return (JSON.parse(answer.body) as { arrivals: Arrival[] }).arrivals;
  }

  /** The last traces, the newest first; undefined when no collector runs. */
  async traces(): Promise<CollectedSpan[][] | undefined> {
    const answer = await this.get(`${collector}/api/v2/traces?limit=50`);
    return answer?.status === 200 ? (JSON.parse(answer.body) as CollectedSpan[][]) : undefined;
  }

  /** What came of a check's requests in a scratch copy, and what arrived of each of them. */
  async replay(check: ReplayCheck): Promise<Replayed[]> {
    const sharing = this.#replays.filter(other => copyOf(other) === copyOf(check));
    const configuration = await this.#replayable(check.configuration);
    const beside = await Promise.all((check.beside ?? []).map(of => this.#replayable(of)));
    const limits = check.limits === undefined ? undefined : await this.file(check.limits);
    const upstreams = upstreamsOf(sharing);
    const files = filesOf(sharing);
    const requests = sharing.flatMap(tagged);
    const more = { ...(beside.length > 0 && { beside }), ...(limits !== undefined && { limits }) };
    const result = await this.#once(`replay ${copyOf(check)}`, () =>
      this.call('replay', { configuration, ...more, upstreams, files, requests, timeoutMs: 30_000 }),
    );
    if (result.failure !== undefined) throw cannotReplay(result.failure, check);
    let at = sharing.slice(0, sharing.indexOf(check)).reduce((sum, other) => sum + sentBy(other), 0);
    return check.requests.map(({ url, count }, index) => {
      const responses = Array.from(
        { length: count },
        (_, sent) => result.responses[at + sent] ?? { url, error: 'not sent: what came before it took too long' },
      );
      at += count;
      const arrivals = result.arrivals.filter(({ headers }) => headerOf(headers, 'x-check') === tagOf(check, index));
      return { responses, arrivals };
    });
  }

  /** Where a check of a running proxy failed: whether the file that it was started from was changed since. */
  async staleHint(of: Configuration): Promise<string | undefined> {
    const admin = adminOf(of);
    if (admin === undefined) return undefined;
    const process = await this.proxyProcess(admin);
    const at = process.command.findIndex(word => word === '-c' || word === '--config-path');
    const path = at < 0 ? undefined : process.command[at + 1];
    if (path === undefined) return undefined;
    try {
      const { modifiedMs } = await this.call('file.read', { path, maximumBytes: 1024 * 1024 });
      if (modifiedMs <= process.startedMs) return undefined;
      return `${path} was changed after this proxy started: restart it (Ctrl-C, then proxy -c ${path}).`;
    } catch (error) {
      if (failureCode(error) === undefined) throw error;
      return undefined;
    }
  }
}

/** The admin interface of the proxy that runs with it; undefined where it is a file. */
function adminOf(of: Configuration): number | undefined {
  if (of === 'running') return adminPort;
  return 'admin' in of ? of.admin : undefined;
}

const nameOf = (of: Configuration): string =>
  typeof of === 'object' && 'file' in of ? of.file : 'the running configuration';

/** What tells scratch copies apart: the programs that run in one. */
const copyOf = ({ configuration, beside, limits }: ReplayCheck): string =>
  JSON.stringify([configuration, beside ?? [], limits ?? null]);

/** @param failure the last words of the scratch copy, which did not start */
function cannotReplay(failure: string, { configuration, limits }: ReplayCheck): CannotObserve {
  const ofLimits = /^rate-limit: (?:\/run\/replay\/limits\.yaml)?(.*)$/m.exec(failure)?.[1];
  if (ofLimits !== undefined)
    return new CannotObserve(
      `the rate limit service starts with ${limits}`,
      shorten(`${limits}${ofLimits}`, 300),
      'It names the line, and takes the file as soon as that is mended.',
    );
  const file = nameOf(configuration);
  return new CannotObserve(
    `a proxy starts with ${file}`,
    lastWords(failure, file),
    'proxy --mode validate -c FILE tells the place and the reason.',
  );
}

const tagOf = (check: ReplayCheck, index: number): string => `${check.id}-${index}`;

const sentBy = (check: ReplayCheck): number => check.requests.reduce((sum, { count }) => sum + count, 0);

/** All that the checks of one scratch copy need. */
function upstreamsOf(checks: ReplayCheck[]): Address[] {
  const httpbins = checks.flatMap(({ upstreams, greeters }) => {
    const own = Object.values(upstreams);
    return own.length === 0 && Object.keys(greeters).length === 0 ? [httpbinPort] : own;
  });
  const greeters = checks.flatMap(check => Object.values(check.greeters));
  return [
    ...addressesOf(httpbins),
    ...addressesOf(greeters).map((address): Address => ({ ...address, program: 'greeter' })),
  ];
}

function addressesOf(places: (number | string)[]): Address[] {
  return [...new Set(places.map(upstreamAt))].map(place => {
    const [address = '', port] = place.split(':');
    return { address, port: Number(port) };
  });
}

function filesOf(checks: ReplayCheck[]): GivenFile[] {
  const byPath = new Map(checks.flatMap(({ files }) => files.map(file => [file.path, file] as const)));
  return [...byPath.values()];
}

/** The address that an arrival names for an upstream of a check. */
export const upstreamAt = (place: number | string): string =>
  typeof place === 'number' ? `${httpbinAddress}:${place}` : place;

function tagged(check: ReplayCheck): Methods['replay']['params']['requests'] {
  return check.requests.map(({ url, method, headers, body, grpc, count, load, serverName, client, expect }, index) => ({
    ...{ url, method, count },
    ...(body === undefined ? {} : { body }),
    ...(grpc ? { grpc } : {}),
    ...(serverName === undefined && !client ? {} : { tls: tlsOf(serverName, client) }),
    ...(expect.log === undefined ? {} : { log: true }),
    ...(load ? { load } : {}),
    headers: { ...headers, 'x-check': tagOf(check, index) },
    timeoutMs: 10_000,
  }));
}

function tlsOf(serverName: string | undefined, client: ReplayRequest['client']): RequestTls {
  return {
    ...(serverName === undefined ? {} : { serverName }),
    ...(client && { certificate: client.certificate, key: client.key }),
  };
}

/** The value of a header, several joined. */
export function headerOf(headers: [string, string][], name: string): string | undefined {
  const values = headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(',');
}

/** Whether a process is that program: by its own name, or as what node or a shell runs, after their options. */
export function isProgram(process: ProcessStatus, program: string): boolean {
  const [first = '', ...rest] = process.command;
  const runs = /^(node|sh|bash)$/.test(basename(first)) ? rest.find(word => !word.startsWith('-')) : first;
  return runs !== undefined && basename(runs).replace(/\.c?js$/, '') === program;
}
