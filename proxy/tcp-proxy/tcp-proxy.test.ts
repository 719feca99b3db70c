import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { loadConfiguration } from '../configuration/load.ts';
import { DataPlane } from '../data-plane.ts';
import { StatsStore } from '../stats/store.ts';

const timeout = 20_000;
const type = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/** A proxy of TCP in front of a server. */
async function start(context: TestContext, serve: (socket: Socket) => void, cluster = '') {
  const server = createServer({ allowHalfOpen: true }, socket => {
    context.after(() => socket.destroy());
    socket.on('error', () => {});
    serve(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const yaml = `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - {name: tcp, typed_config: {"@type": ${type}, stat_prefix: in, cluster: one}}
  clusters:
  - name: one
    ${cluster}
    load_assignment:
      cluster_name: one
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}
`;
  const store = new StatsStore();
  const plane = new DataPlane(loadConfiguration({ yaml }).bootstrap, { store, accessLog: () => undefined });
  context.after(() => plane.stop(0));
  await plane.start();
  const listener = Number([...plane.listeners()][0]!.address.split(':')[1]);
  const open = (): Socket => {
    const socket = connect({ port: listener, host: '127.0.0.1', allowHalfOpen: true });
    context.after(() => socket.destroy());
    return socket;
  };
  return { store, open };
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

test('the end of one direction is passed on, and the other goes on', { timeout }, async context => {
  const { open } = await start(context, async socket => {
    const asked = await textOf(socket);
    socket.end(`you said ${asked}`);
  });
  const client = open();
  client.end('hello');
  assert.equal(await textOf(client), 'you said hello');
});

test('a client that does not read holds up the host, and gets all of it when it reads', { timeout }, async context => {
  const size = 64 << 20;
  let sent = 0;
  const full = Promise.withResolvers<void>();
  const { open, store } = await start(context, socket => {
    const chunk = Buffer.alloc(64 << 10, 'x');
    const write = () => {
      while (sent < size) {
        sent += chunk.length;
        if (!socket.write(chunk)) {
          socket.once('drain', write);
          return;
        }
      }
      socket.end();
    };
    write();
  });
  const paused = setInterval(() => {
    const counter = store.counter('cluster.one.upstream_flow_control_paused_reading_total');
    if (counter.value > 0) full.resolve();
  }, 5);
  context.after(() => clearInterval(paused));
  const client = open();
  client.pause();
  await full.promise;
  assert.ok(sent < size, `${sent} bytes left the host, which nobody reads`);
  let read = 0;
  client.on('data', chunk => {
    read += chunk.length;
  });
  client.resume();
  await once(client, 'end');
  assert.equal(read, size);
});

test('a breaker that is open ends the connection at once', { timeout }, async context => {
  const breakers = 'circuit_breakers: {thresholds: [{max_connections: 1}]}';
  const { open, store } = await start(context, socket => void socket.write('hi'), breakers);
  const first = open();
  await once(first, 'data');
  const second = open();
  second.resume();
  await once(second, 'end');
  assert.equal(store.counter('cluster.one.upstream_cx_overflow').value, 1);
  assert.equal(first.destroyed, false);
});
