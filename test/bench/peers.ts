/** Proxies and upstreams for benchmarks, each alone on one core. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { get } from 'node:https';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePorts } from '../conformance/scenario.ts';
import { findEnvoy } from '../conformance/subject.ts';
import { top } from '../lint/files.ts';
import { certificate, key, proxyConfiguration, type Setup } from './proxy-configuration.ts';

/**
 * As `npm run proxy` has them. What a heap grows to between two collections stays with the process: under ten minutes of load and updates 118 MiB, 62 where it may grow by
 * 40 %, for no more CPU that could be measured.
 */
export const ownFlags = ['--expose-gc', '--max-semi-space-size=4', '--heap-growing-percent=40'];
/** What the upstream answers to `/`; `/kilobyte` and `/megabyte` are as long as they say. */
export const body = 'hello, this is a small answer\n';

/** How a peer is spoken to; `h2` by HTTP/2 alone, without TLS. */
export type Scheme = 'http' | 'https' | 'h2';

export interface Peer {
  name: string;
  port: number;
  scheme: Scheme;
  pid: number;
  stop: () => Promise<void>;
}

/** The core of what is measured; load and upstream have the other one. */
export const cores = { proxy: 0, load: 1 };

/** Which of these programs are not here. */
export const missing = (...names: string[]): string[] => names.filter(name => find(name) === null);

/** An nginx that answers: by HTTP/1.1, or by HTTP/2, there with the trailers that a gRPC call ends with. */
export function upstream(folder: string, scheme: 'http' | 'h2'): Promise<Peer> {
  writeFileSync(join(folder, 'kilobyte'), Buffer.alloc(1024, 'k'));
  writeFileSync(join(folder, 'megabyte'), Buffer.alloc(1024 * 1024, 'm'));
  const listen = scheme === 'h2' ? ' http2' : '';
  const locations = [
    `location / { return 200 '${body}'; }`,
    `location = /call { add_header content-type application/grpc; add_trailer grpc-status 0; return 200 '${body}'; }`,
    ...['kilobyte', 'megabyte'].map(name => `location = /${name} { root ${folder}; }`),
  ];
  return nginx(
    folder,
    'upstream',
    cores.load,
    port =>
      `server { listen 127.0.0.1:${port}${listen} backlog=4096; keepalive_requests 100000000; ${locations.join(' ')} }`,
    'open_file_cache max=9; sendfile on;',
    scheme,
  );
}

function nginx(
  folder: string,
  name: string,
  core: number,
  server: (port: number) => string,
  http: string,
  scheme: Scheme,
): Promise<Peer> {
  return startOn(name, core, scheme, async port => {
    const file = join(folder, `${name}-${port}.conf`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const paths = temporary.map(kind => `${kind}_temp_path ${folder}/${name}-${kind};`).join(' ');
    writeFileSync(
      file,
      `daemon off; master_process off; worker_processes 1; pid ${file}.pid; error_log ${file}.log;\nuser root;\nevents { worker_connections 4096; }\nhttp { access_log off; ${paths} ${http} ${server(port)} }\n`,
    );
    return ['nginx', '-c', file];
  });
}

/** nginx as a proxy, which speaks HTTP/1.1 to what stands behind; null for what it is not measured with. */
export async function nginxProxy(folder: string, { client, upstream: port }: Setup): Promise<Peer | null> {
  if (client === 'tcp') return null;
  const secured = client === 'https' ? `ssl_certificate ${certificate}; ssl_certificate_key ${key};` : '';
  const server = (own: number) =>
    `server { listen 127.0.0.1:${own} ${secured && 'ssl'} backlog=4096; ${secured} keepalive_requests 100000000; location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; } }`;
  const http = `upstream up { server 127.0.0.1:${port}; keepalive 512; keepalive_requests 100000000; }`;
  return nginx(folder, 'nginx', cores.proxy, server, http, client);
}

/** HAProxy as a proxy of bytes or of HTTP/1.1; null where it is not here. */
export async function haproxy(folder: string, { client, upstream: port }: Setup): Promise<Peer | null> {
  if (find('haproxy') === null || client === 'https') return null;
  return startOn('HAProxy', cores.proxy, 'http', async own => {
    const file = join(folder, `haproxy-${own}.cfg`);
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 4096
defaults
  mode ${client}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${client === 'http' ? 'http-reuse always' : ''}
frontend in
  bind 127.0.0.1:${own} backlog 4096
  default_backend up
backend up
  server up 127.0.0.1:${port}
`,
    );
    return ['haproxy', '-db', '-f', file];
  });
}

/** Envoy; null where it is not here. */
export async function envoy(folder: string, setup: Setup): Promise<Peer | null> {
  const found = findEnvoy();
  if (!found) return null;
  return startOn('Envoy', cores.proxy, schemeOf(setup), async port => [
    ...[found.command[0] ?? '', '-c', configurationFile(folder, port, setup)],
    // Several may run at once.
    ...['--concurrency', '1', '-l', 'error', '--use-dynamic-base-id'],
  ]);
}

/** Ours. */
export function own(folder: string, setup: Setup): Promise<Peer> {
  return startOn('ours', cores.proxy, schemeOf(setup), async port => [
    ...[process.execPath, ...ownFlags, join(top, 'proxy/dist/proxy.cjs')],
    ...['-c', configurationFile(folder, port, setup), '--concurrency', '1', '-l', 'error'],
  ]);
}

/** Bytes that are passed on are HTTP/1.1 or HTTP/2 here, as the upstream speaks. */
const schemeOf = ({ client, upstreamHttp2 }: Setup): Scheme =>
  client !== 'tcp' ? client : upstreamHttp2 ? 'h2' : 'http';

function configurationFile(folder: string, port: number, setup: Setup): string {
  const file = join(folder, `proxy-${port}.json`);
  writeFileSync(file, JSON.stringify(proxyConfiguration(port, setup)));
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
  const until = Date.now() + 20_000;
  while (!(await answers(port, scheme))) {
    if (Date.now() > until || child.exitCode !== null) {
      if (child.exitCode === null) await stop();
      throw new Error(`${name} did not start`);
    }
    await wait(50);
  }
  return { name, port, scheme, pid: child.pid ?? 0, stop };
}

async function answers(port: number, scheme: Scheme): Promise<boolean> {
  if (scheme === 'https') return answersSecured(port);
  if (scheme === 'h2') return answersHttp2(port);
  try {
    return (await (await fetch(`http://127.0.0.1:${port}/`)).text()) === body;
  } catch {
    return false;
  }
}

function answersHttp2(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => resolve(false));
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => resolve(false));
  stream.on('response', headers => resolve(headers[':status'] === 200));
  stream.resume();
  return promise.finally(() => session.destroy());
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

export function find(program: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map(folder => join(folder, program)).find(existsSync) ?? null;
}
