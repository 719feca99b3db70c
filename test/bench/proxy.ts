/** Our proxy on one core beside nginx, HAProxy and Envoy in the same run: the proxy alone on one core, load and upstream on the other. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type Figure, h2load, type Load, measure, rounds, wrk } from './load.ts';
import { missing, type Peer, upstream } from './peers.ts';
import type { Setup } from './proxy-configuration.ts';
import { proxyMemory } from './proxy-memory.ts';
import { Stand } from './stand.ts';
import { printTable, printTarget, round } from './table.ts';

/** What is asked of a proxy. */
interface Workload {
  name: string;
  load: Load;
  /** The least of Envoy's rate that ours is to reach. */
  aim?: number;
}

/** Figures by workload, then by proxy. */
type Figures = Map<string, Map<string, Figure>>;

const streams = { connections: 8, streams: 16, requests: 100_000 };

/** All that is said of the proxy's speed and memory. */
export async function proxy(): Promise<void> {
  const lacking = missing('nginx', 'wrk', 'taskset');
  if (lacking.length > 0)
    return console.log(`\nproxy: skipped, not here: ${lacking.join(', ')} (apt-get install nginx-light wrk)`);
  if (cpus().length < 2) return console.log('\nproxy: skipped, two cores are needed');
  console.log(`\nEach figure is the median of ${rounds} runs; the proxy has a core for itself.`);
  await overHttp1();
  await overHttp2();
  await proxyMemory();
}

async function overHttp1(): Promise<void> {
  await Stand.with(async stand => {
    const { folder } = stand;
    const { port } = await stand.keep(upstream(folder, 'http'));
    const compare = async (title: string, setup: Omit<Setup, 'upstream'>, workloads: Workload[]) => {
      const subjects = await stand.proxies({ ...setup, upstream: port });
      const figures = await measureAll(subjects, workloads);
      report(title, subjects, workloads, figures);
      await stand.stop(subjects);
      return figures;
    };
    const at64 = { name: '64 connections', load: wrk(folder, 64) };
    const plain = await compare('HTTP/1.1', { client: 'http' }, [
      { name: '1 connection', load: wrk(folder, 1), aim: 1 },
      { ...at64, aim: 1.3 },
      { name: '512 connections', load: wrk(folder, 512), aim: 1 },
      { name: '64, 1 KB', load: wrk(folder, 64, '/kilobyte') },
      { name: '64, 1 MB', load: wrk(folder, 64, '/megabyte') },
    ]);
    const filtered = await compare('HTTP/1.1 with ten filters', { client: 'http', filters: true }, [at64]);
    reportFilters(plain.get(at64.name), filtered.get(at64.name));
    await compare('HTTP/1.1 over TLS', { client: 'https' }, [{ ...at64, aim: 0.7 }]);
    await compare('TCP', { client: 'tcp' }, [
      { ...at64, aim: 0.7 },
      { name: '64, 1 MB', load: wrk(folder, 64, '/megabyte'), aim: 0.7 },
    ]);
  });
}

async function overHttp2(): Promise<void> {
  if (missing('h2load').length > 0)
    return console.log('\nHTTP/2: skipped, not here: h2load (apt-get install nghttp2-client)');
  const small = { name: 'requests', load: h2load(streams) };
  await compareStreams('HTTP/2 to HTTP/1.1', 'http', () => [{ ...small, aim: 1 }]);
  await compareStreams('HTTP/2 to HTTP/2', 'h2', folder => {
    const message = join(folder, 'message');
    writeFileSync(message, Buffer.from([0, 0, 0, 0, 5, 10, 3, 97, 98, 99]));
    return [small, { name: 'gRPC calls', load: h2load(streams, '/call', message), aim: 0.8 }];
  });
}

function compareStreams(
  title: string,
  speaks: 'http' | 'h2',
  workloads: (folder: string) => Workload[],
): Promise<void> {
  return Stand.with(async stand => {
    const { port } = await stand.keep(upstream(stand.folder, speaks));
    const setup: Setup = { client: 'http', upstream: port, upstreamHttp2: speaks === 'h2' };
    const subjects = await stand.proxies(setup, ['Envoy', 'ours']);
    const chosen = workloads(stand.folder);
    const all = `${title}, ${streams.connections} connections of ${streams.streams} streams`;
    report(all, subjects, chosen, await measureAll(subjects, chosen));
  });
}

async function measureAll(subjects: Peer[], workloads: Workload[]): Promise<Figures> {
  const figures: Figures = new Map();
  for (const { name, load } of workloads) figures.set(name, await measure(subjects, load));
  return figures;
}

function report(title: string, subjects: Peer[], workloads: Workload[], figures: Figures): void {
  const rate = (workload: string, name: string) => figures.get(workload)?.get(name)?.rate ?? Number.NaN;
  const ratio = (workload: string, name: string, other: string) =>
    subjects.some(peer => peer.name === other) ? (rate(workload, name) / rate(workload, other)).toFixed(2) : '-';
  const milliseconds = (value: number | undefined) =>
    value === undefined || Number.isNaN(value) ? '-' : value < 10 ? value.toFixed(2) : round(value);
  const rows = workloads.flatMap(({ name: workload }) =>
    subjects.map(({ name }) => {
      const figure = figures.get(workload)?.get(name);
      return [
        name,
        workload,
        Math.round(rate(workload, name)),
        ...[figure?.p50, figure?.p99, figure?.p999].map(milliseconds),
        ratio(workload, name, 'Envoy'),
        ratio(workload, name, 'nginx'),
      ];
    }),
  );
  const head = ['proxy', 'load', 'requests/s', 'p50 ms', 'p99 ms', 'p99.9 ms', '× Envoy', '× nginx'];
  printTable(title, head, rows);
  if (!subjects.some(({ name }) => name === 'Envoy')) {
    console.log('  no Envoy to compare with: name one by UNICORN_ENVOY');
    return;
  }
  for (const { name, aim } of workloads) {
    if (aim === undefined) continue;
    printTarget(`${name}, in the same run`, rate(name, 'ours') / rate(name, 'Envoy'), 'at least', aim, '× Envoy');
  }
}

/** What ten filters cost a request, ours beside Envoy's. */
function reportFilters(plain: Map<string, Figure> | undefined, filtered: Map<string, Figure> | undefined): void {
  const microseconds = (figures: Map<string, Figure> | undefined, name: string) =>
    1e6 / (figures?.get(name)?.rate ?? Number.NaN);
  const cost = (name: string) => microseconds(filtered, name) - microseconds(plain, name);
  if (Number.isNaN(cost('Envoy'))) return;
  console.log(`  ten filters cost Envoy ${round(cost('Envoy'))} µs a request, ours ${round(cost('ours'))}`);
  printTarget('what they cost, beside Envoy', cost('ours') / cost('Envoy'), 'at most', 1, '×');
}
