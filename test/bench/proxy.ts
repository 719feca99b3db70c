/** Requests a second through our proxy on one core, beside nginx and Envoy in the same run: the proxy alone on one core, load and upstream on the other. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { cpus, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePorts } from '../conformance/scenario.ts';
import { findEnvoy } from '../conformance/subject.ts';
import { top } from '../lint/files.ts';
import { memoryOf } from './processes.ts';
import { median, printTable, printTarget, round } from './table.ts';

const run = promisify(execFile);
const connections = [1, 64, 512];
const tlsConnections = [64];
const seconds = 4;
const rounds = 3;
/** As `npm run proxy` has them. */
const ownFlags = ['--expose-gc', '--max-semi-space-size=4'];
/** After the load: a proxy gives back what it took once it rests. */
const restMs = 40_000;
const body = 'hello, this is a small answer\n';

type Scheme = 'http' | 'https';

interface Peer {
  name: string;
  port: number;
  scheme: Scheme;
  pid: number;
  stop: () => Promise<void>;
}

export async function proxy(): Promise<void> {
  const missing = ['nginx', 'wrk', 'taskset'].filter(name => find(name) === null);
  if (missing.length > 0)
    return console.log(`\nproxy: skipped, not here: ${missing.join(', ')} (apt-get install nginx-light wrk)`);
  if (cpus().length < 2) return console.log('\nproxy: skipped, two cores are needed');
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const peers: Peer[] = [];
  try {
    const upstream = await nginx(
      folder,
      'upstream',
      1,
      port =>
        `server { listen 127.0.0.1:${port} backlog=4096; keepalive_requests 100000000; access_log off; location / { return 200 '${body}'; } }`,
    );
    peers.push(upstream);
    const start = async (scheme: Scheme) => {
      const started = [
        await nginxProxy(folder, upstream.port, scheme),
        await envoy(folder, upstream.port, scheme),
        await own(folder, upstream.port, scheme),
      ].filter(peer => peer !== null);
      peers.push(...started);
      return started;
    };
    const plain = await start('http');
    const title = `through a proxy on one core, medians of ${rounds} runs of ${seconds} s`;
    report(`HTTP/1.1 ${title}`, plain, connections, 1.3, await measure(plain, connections));
    await reportMemory(plain);
    const secured = await start('https');
    report(`HTTP/1.1 by TLS ${title}`, secured, tlsConnections, 0.7, await measure(secured, tlsConnections));
  } finally {
    for (const peer of peers) await peer.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Figure {
  rate: number;
  p99: number;
}

/** By the peer's name and its connections. */
async function measure(subjects: Peer[], counts: number[]): Promise<Map<string, Figure>> {
  const figures = new Map<string, Figure>();
  for (const count of counts) {
    const rates = new Map(subjects.map(({ name }) => [name, [] as Figure[]]));
    for (let i = 0; i < rounds; i++) {
      for (const peer of subjects) rates.get(peer.name)?.push(await load(peer, count));
    }
    for (const [name, found] of rates) {
      figures.set(`${name} ${count}`, {
        rate: median(found.map(({ rate }) => rate)),
        p99: median(found.map(({ p99 }) => p99)),
      });
    }
  }
  return figures;
}

function report(title: string, subjects: Peer[], counts: number[], aim: number, figures: Map<string, Figure>): void {
  const figure = (name: string, count: number) => figures.get(`${name} ${count}`);
  const rate = (name: string, count: number) => figure(name, count)?.rate ?? Number.NaN;
  const ratio = (name: string, other: string, count: number) =>
    subjects.some(peer => peer.name === other) ? (rate(name, count) / rate(other, count)).toFixed(2) : '-';
  const rows = counts.flatMap(count =>
    subjects.map(({ name }) => [
      name,
      count,
      Math.round(rate(name, count)),
      round(figure(name, count)?.p99 ?? 0),
      ratio(name, 'Envoy', count),
      ratio(name, 'nginx', count),
    ]),
  );
  printTable(title, ['proxy', 'connections', 'requests/s', 'p99 ms', '× Envoy', '× nginx'], rows);
  if (subjects.some(({ name }) => name === 'Envoy'))
    printTarget('at 64 connections, in the same run', rate('ours', 64) / rate('Envoy', 64), 'at least', aim, '× Envoy');
  else console.log('  no Envoy to compare with: name one by UNICORN_ENVOY');
}

async function reportMemory(subjects: Peer[]): Promise<void> {
  const figures = () => subjects.map(({ pid }) => round((memoryOf(pid)?.private ?? 0) / 1024));
  const atOnce = figures();
  await wait(restMs);
  const resting = figures();
  printTable(
    'Memory after it, in MiB',
    ['proxy', 'private', `${restMs / 1000} s later`],
    subjects.map(({ name }, i) => [name, atOnce[i]!, resting[i]!]),
  );
}

async function load({ port, scheme }: Peer, count: number): Promise<Figure> {
  const { stdout } = await run('taskset', [
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${count}`,
    `-d${seconds}s`,
    '--latency',
    `${scheme}://127.0.0.1:${port}/`,
  ]);
  const rate = Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]);
  const [, p99 = '0', unit = 'ms'] = /99% +([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  if (!(rate > 0) || /Non-2xx/.test(stdout)) throw new Error(`wrk: ${stdout}`);
  return { rate, p99: Number(p99) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'] };
}

function nginx(
  folder: string,
  name: string,
  core: number,
  server: (port: number) => string,
  http = '',
  scheme: Scheme = 'http',
): Promise<Peer> {
  return startOn(name, core, scheme, async port => {
    const file = join(folder, `${name}-${scheme}.conf`);
    writeFileSync(
      file,
      `daemon off; master_process off; worker_processes 1; pid ${folder}/${name}-${scheme}.pid; error_log ${folder}/${name}.log;\nevents { worker_connections 4096; }\nhttp { access_log off; client_body_temp_path ${folder}/${name}-body; proxy_temp_path ${folder}/${name}-proxy; fastcgi_temp_path ${folder}/${name}-f; uwsgi_temp_path ${folder}/${name}-u; scgi_temp_path ${folder}/${name}-s; ${http} ${server(port)} }\n`,
    );
    return ['nginx', '-c', file];
  });
}

function nginxProxy(folder: string, upstream: number, scheme: Scheme): Promise<Peer> {
  const secured = scheme === 'https' ? `ssl_certificate ${certificate}; ssl_certificate_key ${key};` : '';
  const server = (port: number) =>
    `server { listen 127.0.0.1:${port} ${secured && 'ssl'} backlog=4096; ${secured} keepalive_requests 100000000; location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; } }`;
  return nginx(
    folder,
    'nginx',
    0,
    server,
    `upstream up { server 127.0.0.1:${upstream}; keepalive 512; keepalive_requests 100000000; }`,
    scheme,
  );
}

async function envoy(folder: string, upstream: number, scheme: Scheme): Promise<Peer | null> {
  const found = findEnvoy();
  if (!found) return null;
  return startOn('Envoy', 0, scheme, async port => [
    found.command[0] ?? '',
    '-c',
    configuration({ folder, name: 'envoy', port, upstream, scheme }),
    '--concurrency',
    '1',
    '-l',
    'error',
    '--base-id',
    String((process.pid % 30_000) + (scheme === 'https' ? 1 : 0)),
  ]);
}

function own(folder: string, upstream: number, scheme: Scheme): Promise<Peer> {
  return startOn('ours', 0, scheme, async port => [
    process.execPath,
    ...ownFlags,
    join(top, 'proxy/dist/proxy.cjs'),
    '-c',
    configuration({ folder, name: 'ours', port, upstream, scheme }),
    '--concurrency',
    '1',
    '-l',
    'error',
  ]);
}

const certificate = join(top, 'test/fixtures/tls/one.pem');
const key = join(top, 'test/fixtures/tls/one.key');

const transportSocket = {
  name: 'tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { filename: certificate }, private_key: { filename: key } }],
    },
  },
};

interface Wanted {
  folder: string;
  name: string;
  port: number;
  upstream: number;
  scheme: Scheme;
}

function configuration({ folder, name, port, upstream, scheme }: Wanted): string {
  const type = 'type.googleapis.com/envoy.extensions.filters';
  const address = (number: number) => ({ socket_address: { address: '127.0.0.1', port_value: number } });
  const manager = {
    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'bench',
    route_config: {
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] }],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': `${type}.http.router.v3.Router` } }],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const clusters = [
    {
      name: 'up',
      connect_timeout: '5s',
      type: 'STATIC',
      load_assignment: {
        cluster_name: 'up',
        endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
      },
    },
  ];
  const chain = { filters, ...(scheme === 'https' && { transport_socket: transportSocket }) };
  const file = join(folder, `${name}-${scheme}.json`);
  writeFileSync(
    file,
    JSON.stringify({
      static_resources: {
        listeners: [{ name: 'main', address: address(port), filter_chains: [chain] }],
        clusters,
      },
    }),
  );
  return file;
}

/** Starts a program on one core and waits until it answers. */
async function startOn(
  name: string,
  core: number,
  scheme: Scheme,
  command: (port: number) => Promise<string[]>,
): Promise<Peer> {
  const [port = 0] = await freePorts(1);
  const child = spawn('taskset', ['-c', String(core), ...(await command(port))], { stdio: 'ignore' });
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const until = Date.now() + 10_000;
  while (!(await answers(port, scheme))) {
    if (Date.now() > until || child.exitCode !== null) throw new Error(`${name} did not start`);
    await wait(50);
  }
  return { name, port, scheme, pid: child.pid ?? 0, stop };
}

async function answers(port: number, scheme: Scheme): Promise<boolean> {
  if (scheme === 'https') return answersSecured(port);
  try {
    return (await (await fetch(`http://127.0.0.1:${port}/`)).text()) === body;
  } catch {
    return false;
  }
}

/** Nobody has signed the certificate that this machine would trust. */
async function answersSecured(port: number): Promise<boolean> {
  const status = Promise.withResolvers<boolean>();
  const request = get({ host: '127.0.0.1', port, rejectUnauthorized: false, agent: false }, response => {
    response.resume();
    status.resolve(response.statusCode === 200);
  });
  request.on('error', () => status.resolve(false));
  return status.promise;
}

function find(program: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map(folder => join(folder, program)).find(existsSync) ?? null;
}
