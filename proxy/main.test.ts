/** The program: how it ends. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';

const program = join(import.meta.dirname, 'main.ts');

interface Running {
  proxy: ChildProcess;
  exited: Promise<unknown[]>;
  /** Opens a connection; what it receives is collected. */
  open(): Promise<{ socket: Socket; text: () => string; closed: Promise<unknown> }>;
  /** Resolves with the next request that the upstream got, which it has not answered. */
  arrival(): Promise<ServerResponse>;
  logged(text: string): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function run(t: TestContext, ...args: string[]): Promise<Running> {
  const upstream = createServer().listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const port = await freePort();
  const yaml = configuration(port, (upstream.address() as AddressInfo).port);
  const proxy = spawn(process.execPath, [program, '--config-yaml', yaml, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(proxy, 'exit');
  const lines = createInterface({ input: proxy.stderr! });
  t.after(async () => {
    proxy.kill('SIGKILL');
    await exited;
    upstream.closeAllConnections();
    upstream.close();
  });
  const logged = (text: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    lines.on('line', line => line.includes(text) && resolve());
    lines.on('close', () => reject(new Error(`ended before it logged '${text}'`)));
    return promise;
  };
  await logged('starting main dispatch loop');
  return {
    proxy,
    exited,
    logged,
    arrival: async () => (await once(upstream, 'request'))[1] as ServerResponse,
    async open() {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      let text = '';
      socket.on('data', chunk => {
        text += String(chunk);
      });
      return { socket, text: () => text, closed: once(socket, 'close') };
    },
  };
}

function configuration(port: number, upstreamPort: number): string {
  const at = (value: number) => `{socket_address: {address: 127.0.0.1, port_value: ${value}}}`;
  const type = 'type.googleapis.com/envoy.extensions.filters';
  return `
static_resources:
  listeners:
  - address: ${at(port)}
    filter_chains:
    - filters:
      - name: manager
        typed_config:
          "@type": ${type}.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: a
          route_config: {virtual_hosts: [{name: a, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]}
          http_filters: [{name: router, typed_config: {"@type": ${type}.http.router.v3.Router}}]
  clusters:
  - name: up
    load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: ${at(upstreamPort)}}}]}]}
`;
}

const requestText = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

test('SIGTERM: idle connections close, a request under way is answered, then the proxy ends', {
  timeout: 30_000,
}, async t => {
  const { proxy, exited, open, arrival } = await run(t);
  const idle = await open();
  const busy = await open();
  const arrived = arrival();
  busy.socket.write(requestText);
  const response = await arrived;
  proxy.kill('SIGTERM');
  await idle.closed;
  assert.equal(proxy.exitCode, null);
  response.end('done');
  await busy.closed;
  assert.match(busy.text(), /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(busy.text(), /connection: close\r\n/);
  assert.deepEqual(await exited, [0, null]);
});

test('SIGTERM waits no longer than --drain-time-s', { timeout: 30_000 }, async t => {
  const { proxy, exited, open, arrival } = await run(t, '--drain-time-s', '0');
  const busy = await open();
  const arrived = arrival();
  busy.socket.write(requestText);
  await arrived;
  proxy.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
  await busy.closed;
});

test('a second signal ends the proxy at once', { timeout: 30_000 }, async t => {
  const { proxy, exited, open, arrival, logged } = await run(t);
  const busy = await open();
  const arrived = arrival();
  busy.socket.write(requestText);
  await arrived;
  const heard = logged('caught ENVOY_SIGTERM');
  proxy.kill('SIGTERM');
  await heard;
  proxy.kill('SIGINT');
  assert.deepEqual(await exited, [0, null]);
});
