/** Upgrades and CONNECT through the whole data plane: the same bytes come out however they are cut, and no byte of one is read as a request. */
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { loadConfiguration } from './configuration/load.ts';
import { DataPlane } from './data-plane.ts';
import { StatsStore } from './stats/store.ts';

const timeout = 20_000;
const store = new StatsStore();
let plane: DataPlane;
let port = 0;

/** What the host does with a connection. */
let serve: (socket: Socket) => void = () => {};
const host = createServer({ allowHalfOpen: true }, socket => {
  socket.on('error', () => {});
  serve(socket);
});

before(async () => {
  await once(host.listen(0, '127.0.0.1'), 'listening');
  const yaml = configuration((host.address() as AddressInfo).port);
  plane = new DataPlane(loadConfiguration({ yaml }).bootstrap, { store, accessLog: () => undefined });
  await plane.start();
  port = Number([...plane.listeners()][0]!.address.split(':')[1]);
});

after(async () => {
  await plane.stop(0);
  host.close();
});

function configuration(hostPort: number): string {
  const type = 'type.googleapis.com/envoy.extensions.filters';
  return `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": ${type}.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: other}]
          http_filters: [{name: router, typed_config: {"@type": ${type}.http.router.v3.Router}}]
          route_config:
            virtual_hosts:
            - name: all
              domains: ['*']
              routes:
              - match: {connect_matcher: {}}
                route: {cluster: host, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]}
              - match: {prefix: /}
                route: {cluster: host}
  clusters:
  - name: host
    load_assignment:
      cluster_name: host
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${hostPort}}}}
`;
}

/** Writes bytes in pieces of chance, each by itself. */
async function write(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const size = randomInt(1, Math.min(bytes.length, 5000) + 1);
    socket.write(bytes.subarray(at, at + size));
    at += size;
    await new Promise(setImmediate);
  }
}

/** What came of a socket. */
class Inbox {
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    socket.on('data', chunk => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end);
  }

  /** The next bytes, or what there was before the end. */
  async take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length && !this.#ended) await new Promise<void>(resolve => (this.#wake = resolve));
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async head(): Promise<string> {
    let head = '';
    while (!head.endsWith('\r\n\r\n')) {
      const byte = await this.take(1);
      if (byte.length === 0) break;
      head += byte.toString('latin1');
    }
    return head;
  }

  async text(): Promise<string> {
    return (await this.take(Number.MAX_SAFE_INTEGER)).toString('latin1');
  }
}

const upgrade = (token: string): string =>
  `GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: ${token}\r\n\r\n`;
const granted = (token: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${token}\r\n\r\n`;

function client(): Socket {
  return connect({ port, host: '127.0.0.1' }).on('error', () => {});
}

for (const [name, opening, answer] of [
  ['a WebSocket', upgrade('websocket'), granted('websocket')],
  ['another protocol', upgrade('other'), granted('other')],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n', ''],
] as const) {
  test(`${name}: all bytes come, both ways, wherever they are cut`, { timeout }, async () => {
    for (let round = 0; round < 5; round++) {
      const [up, down] = [randomBytes(randomInt(1, 300_000)), randomBytes(randomInt(1, 300_000))];
      const accepted = Promise.withResolvers<Buffer>();
      serve = async socket => {
        const inbox = new Inbox(socket);
        if (answer !== '') await inbox.head();
        await write(socket, Buffer.concat([Buffer.from(answer), down]));
        accepted.resolve(await inbox.take(up.length));
      };
      const socket = client();
      const inbox = new Inbox(socket);
      await write(socket, Buffer.concat([Buffer.from(opening), up]));
      assert.match(await inbox.head(), answer === '' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 101 /);
      assert.ok((await inbox.take(down.length)).equals(down));
      assert.ok((await accepted.promise).equals(up));
      socket.destroy();
    }
  });
}

const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n';

for (const token of ['websocket', 'other']) {
  for (const status of ['200 OK', '403 Forbidden', '204 No Content', '101 Switching Protocols']) {
    test(`${token} answered with ${status}: nothing after the request reaches a host`, { timeout }, async () => {
      let arrived = '';
      serve = socket => {
        socket.on('data', chunk => {
          arrived += chunk;
          if (arrived.endsWith('\r\n\r\n')) socket.end(`HTTP/1.1 ${status}\r\n\r\n`);
        });
      };
      const socket = client();
      socket.write(upgrade(token) + smuggled);
      const said = await new Inbox(socket).text();
      assert.equal(said.match(/HTTP\/1\.1 /g)?.length, 1);
      assert.doesNotMatch(arrived, /smuggled/);
    });
  }
}

for (const [name, bytes, status] of [
  ['an upgrade with chunks', `${upgrade('websocket').slice(0, -2)}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['CONNECT with chunks', 'CONNECT a:1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 501],
  ['CONNECT with a length', 'CONNECT a:1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc', 400],
  ['CONNECT of a path', 'CONNECT /a:1 HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['an upgrade that is not allowed', upgrade('third'), 403],
  ['two upgrades', upgrade('websocket, other'), 403],
  ['an upgrade to CONNECT', upgrade('CONNECT'), 400],
] as const) {
  test(`${name} is refused, and nothing more is read`, { timeout }, async () => {
    let connections = 0;
    serve = () => connections++;
    const socket = client();
    socket.write(bytes + smuggled);
    const said = await new Inbox(socket).text();
    assert.deepEqual(said.match(/(?<=HTTP\/1\.1 )\d+/g), [String(status)]);
    assert.equal(connections, 0);
  });
}

test('a refusal in chunks that names the upgrade is framed once', { timeout }, async () => {
  const names = 'connection: upgrade\r\nupgrade: websocket\r\n';
  serve = async socket => {
    await new Inbox(socket).head();
    socket.write(`HTTP/1.1 426 Upgrade Required\r\n${names}transfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n`);
  };
  const socket = client();
  socket.write(upgrade('websocket'));
  const said = await new Inbox(socket).text();
  assert.equal(said.match(/transfer-encoding: chunked/g)?.length, 1);
  assert.match(said, /connection: upgrade\r\nupgrade: websocket\r\n/);
  assert.ok(said.endsWith('\r\n\r\n2\r\nno\r\n0\r\n\r\n'));
});

test('what a host sent before it went all comes, however slowly it is read', { timeout }, async () => {
  const size = 8 << 20;
  serve = async socket => {
    await new Inbox(socket).head();
    socket.write(granted('websocket'));
    socket.end(Buffer.alloc(size, '.'));
  };
  const socket = client();
  socket.write(upgrade('websocket'));
  let got = -granted('websocket').length;
  for await (const chunk of socket) {
    got += (chunk as Buffer).length;
    await new Promise(setImmediate);
  }
  // The proxy adds `date` and `server`.
  assert.ok(got >= size && got < size + 200, `${got} bytes`);
});

test('a connection that was upgraded carries no further request', { timeout }, async () => {
  const total = store.counter('cluster.host.upstream_cx_total');
  const active = store.gauge('http.in.downstream_cx_upgrades_active');
  serve = async socket => {
    await new Inbox(socket).head();
    socket.write(granted('websocket'));
  };
  const socket = client();
  socket.write(upgrade('websocket'));
  await new Inbox(socket).head();
  assert.equal(active.value, 1);
  socket.end();
  await once(socket, 'close');
  assert.equal(active.value, 0);
  const before = total.value;
  serve = other => void other.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  const next = client();
  next.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.match(await new Inbox(next).head(), /^HTTP\/1\.1 200 /);
  assert.equal(total.value, before + 1);
  next.destroy();
});
