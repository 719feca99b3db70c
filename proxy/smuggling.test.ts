/**
 * Messages that two parsers could read differently, through the whole data plane: each is refused, or the next parser (Node's, which is
 * strict) reads the same requests that the proxy read, however the bytes are split.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createRawServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { loadConfiguration } from './configuration/load.ts';
import { DataPlane } from './data-plane.ts';
import { StatsStore } from './stats/store.ts';

const store = new StatsStore();
let plane: DataPlane;
let port = 0;

/** What reached the upstream: method, path and body of each request. */
let arrivals: string[] = [];
const upstream = createServer({ insecureHTTPParser: false }, (incoming, outgoing) => {
  let body = '';
  incoming.on('data', chunk => (body += chunk));
  incoming.on('end', () => {
    arrivals.push([incoming.method, incoming.url, body].join(' ').trim());
    outgoing.end('done');
  });
  incoming.on('error', () => {}); // cut short by the proxy, which refused the rest
});
upstream.on('clientError', (error: NodeJS.ErrnoException, socket) => {
  if (error.code !== 'HPE_INVALID_EOF_STATE') arrivals.push(`unreadable: ${error.message}`);
  socket.destroy();
});

/** Answers a request by what the table says of its path, to the byte. */
let reply: (socket: Socket, path: string) => void = () => {};
const raw = createRawServer(socket => {
  let text = '';
  socket.on('error', () => {});
  socket.on('data', chunk => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const path = text.split(' ')[1]!;
      text = text.slice(end + 4);
      reply(socket, path);
    }
  });
});

const portOf = (server: { address(): AddressInfo | string | null }): number => (server.address() as AddressInfo).port;

before(async () => {
  for (const server of [upstream, raw]) await once(server.listen(0, '127.0.0.1'), 'listening');
  const { bootstrap } = loadConfiguration({ yaml: configuration(portOf(upstream), portOf(raw)) });
  plane = new DataPlane(bootstrap, { store, accessLog: () => undefined });
  await plane.start();
  port = Number([...plane.listeners()][0]!.address.split(':')[1]);
});

after(async () => {
  await plane.stop(0);
  upstream.closeAllConnections();
  upstream.close();
  raw.close();
});

function configuration(upstreamPort: number, rawPort: number): string {
  const cluster = (name: string, to: number) => `
  - name: ${name}
    type: STATIC
    circuit_breakers: {thresholds: [{max_connections: 1}]}
    load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${to}}}}}]}]}`;
  return `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /raw}, route: {cluster: raw}}, {match: {prefix: /}, route: {cluster: up}}]}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:${cluster('up', upstreamPort)}${cluster('raw', rawPort)}
`;
}

/** What the proxy answers to these pieces until it ends the connection. */
async function talk(pieces: readonly string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  let said = '';
  socket.on('data', chunk => (said += chunk.toString('latin1')));
  const closed = once(socket, 'close');
  for (const piece of pieces) {
    if (socket.writable) socket.write(piece, 'latin1');
    await new Promise(setImmediate);
  }
  await closed;
  return said;
}

function split(text: string, largest: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const size = randomInt(1, largest + 1);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

const statuses = (said: string): number[] => [...said.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(match => Number(match[1]));

/** Ends each exchange: where it is answered, all before it was read as whole messages. */
const last = 'GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
const post = (fields: string, body: string) => `POST /p HTTP/1.1\r\nhost: a\r\n${fields}\r\n${body}`;
const chunked = (body: string) => post('transfer-encoding: chunked\r\n', body);
const get = (fields = '') => `GET /g HTTP/1.1\r\nhost: a\r\n${fields}\r\n`;
const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n';

/** A message, and the status it is refused with. */
const refused: [string, string, number][] = [
  ['the same length twice', post('content-length: 3\r\ncontent-length: 3\r\n', 'abc'), 400],
  ['two lengths', post('content-length: 3\r\ncontent-length: 0\r\n', 'abc'), 400],
  ['a list of lengths', post('content-length: 3, 3\r\n', 'abc'), 400],
  ...['+3', '-3', '0x3', '3 3', '3;', '3a', '', '99999999999999999999'].map((value): [string, string, number] => [
    `the length ${value}`,
    post(`content-length: ${value}\r\n`, 'abc'),
    400,
  ]),
  ['length and chunks', post('content-length: 6\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\nabc'), 400],
  ['chunks and length', post('transfer-encoding: chunked\r\ncontent-length: 6\r\n', '0\r\n\r\nabc'), 400],
  ['chunks in two lines', post('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'), 501],
  [
    'chunks and identity in two lines',
    post('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n', '0\r\n\r\n'),
    501,
  ],
  ...[
    'chunked, chunked',
    'gzip, chunked',
    'chunked, identity',
    'identity',
    'xchunked',
    'chunked;q=1',
    '"chunked"',
    '',
  ].map((value): [string, string, number] => [
    `coded as ${value}`,
    post(`transfer-encoding: ${value}\r\n`, '0\r\n\r\n'),
    501,
  ]),
  ['a vertical tab before chunked', post('transfer-encoding: \x0bchunked\r\n', '0\r\n\r\n'), 400],
  ['a folded transfer-encoding', post('transfer-encoding:\r\n chunked\r\n', '0\r\n\r\n'), 501],
  ['a folded header', get('x: a\r\n b\r\n'), 400],
  ['a first header that is folded', 'GET /g HTTP/1.1\r\n host: a\r\n\r\n', 400],
  ['chunks in HTTP/1.0', 'POST /p HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['a space before the colon', post('content-length : 3\r\n', 'abc'), 400],
  ['a tab before the colon', post('transfer-encoding\t: chunked\r\n', '0\r\n\r\n'), 400],
  ['a bare line feed after a header', get('x: a\ny: b\r\n'), 400],
  ['bare line feeds', 'GET /g HTTP/1.1\nhost: a\n\n', 400],
  ['a bare carriage return in a value', get('x: a\rtransfer-encoding: chunked\r\n'), 400],
  ['NUL in a value', get('x: a\0b\r\n'), 400],
  ['NUL in a name', get('x\0: a\r\n'), 400],
  ['a header without a name', get(': a\r\n'), 400],
  ['a header without a colon', get('nothing\r\n'), 400],
  ['a host that Connection names', get('connection: host\r\n'), 400],
  ['x-forwarded-for that Connection names', get('connection: x-forwarded-for\r\nx-forwarded-for: a\r\n'), 400],
  ['a host with a space', 'GET /g HTTP/1.1\r\nhost: a b\r\n\r\n', 400],
  ['a target whose host is none', 'GET http://a"b/g HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['two hosts', get('host: b\r\n'), 400],
  ['two spaces after the method', 'GET  /g HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['a space in the target', 'GET /g b HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['a tab in the request line', 'GET\t/g HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['a space after the version', 'GET /g HTTP/1.1 \r\nhost: a\r\n\r\n', 400],
  ['a version in small letters', 'GET /g http/1.1\r\nhost: a\r\n\r\n', 400],
  ['a version of two digits', 'GET /g HTTP/1.10\r\nhost: a\r\n\r\n', 400],
  ['HTTP/0.9', 'GET /g\r\n', 426],
  ['a line feed before the request', `\n${get()}`, 400],
  ...['0x3', '-3', '+3', ' 3', 'g', '', '3 4', '3\0', '0000000000003'].map((size): [string, string, number] => [
    `a chunk of ${JSON.stringify(size)}`,
    chunked(`${size}\r\nabc\r\n0\r\n\r\n`),
    400,
  ]),
  ['a chunk size that ends in a line feed', chunked('3\nabc\r\n0\r\n\r\n'), 400],
  ['a line feed in an extension', chunked(`3;a\nabc\r\n0\r\n\r\n`), 400],
  ['a carriage return in an extension', chunked(`3;a\rb\r\nabc\r\n0\r\n\r\n`), 400],
  ['NUL in an extension', chunked(`3;a\0\r\nabc\r\n0\r\n\r\n`), 400],
  ['an extension without end', chunked(`3;${'a'.repeat(5000)}\r\nabc\r\n0\r\n\r\n`), 400],
  ['a chunk that is longer than it says', chunked('3\r\nabcd\r\n0\r\n\r\n'), 400],
  ['a chunk that ends in a line feed', chunked('3\r\nabc\n0\r\n\r\n'), 400],
  ['a last chunk that ends in a line feed', chunked('0\n\n'), 400],
  ['a folded trailer', chunked('0\r\nx: a\r\n b\r\n\r\n'), 400],
  ['a trailer without a colon', chunked('0\r\nnothing\r\n\r\n'), 400],
];

for (const [name, message, status] of refused) {
  test(`refused: ${name}`, { timeout: 20_000 }, async () => {
    for (const pieces of [[message + smuggled + last], split(message + smuggled + last, 40)]) {
      arrivals = [];
      const said = await talk(pieces);
      assert.deepEqual(statuses(said), [status]);
      assert.match(said, /\r\nconnection: close\r\n/);
      assert.deepEqual(arrivals, []);
    }
  });
}

/** Messages that are read, and what of them arrives. */
const read: [string, string, string[]][] = [
  ['a length', post('content-length: 3\r\n', 'abc'), ['POST /p abc']],
  ['a length of many zeros', post('content-length: 0003\r\n', 'abc'), ['POST /p abc']],
  [
    'a body that looks like a request',
    post(`content-length: ${smuggled.length}\r\n`, smuggled),
    [`POST /p ${smuggled.trim()}`],
  ],
  [
    'a chunk that looks like a request',
    chunked(`${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`),
    [`POST /p ${smuggled.trim()}`],
  ],
  ['chunks in another case', post('Transfer-Encoding: CHUNKED\r\n', '3\r\nabc\r\n0\r\n\r\n'), ['POST /p abc']],
  ['extensions', chunked('3;a="b";c\r\nabc\r\n1 ;d\r\nd\r\n0;e\r\n\r\n'), ['POST /p abcd']],
  ['blanks after the size', chunked('3 \t\r\nabc\r\n0\r\n\r\n'), ['POST /p abc']],
  [
    'lengths and chunks as trailers',
    chunked('3\r\nabc\r\n0\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n'),
    ['POST /p abc'],
  ],
  [
    'pipelined requests with bodies',
    post('content-length: 1\r\n', 'a') + chunked('1\r\nb\r\n0\r\n\r\n') + get() + post('content-length: 0\r\n', ''),
    ['POST /p a', 'POST /p b', 'GET /g', 'POST /p'],
  ],
  ['a GET with a body', `${get('content-length: 3\r\n')}abc`, ['GET /g abc']],
  ['empty lines before a request', `\r\n\r\n${get()}\r\n${get()}`, ['GET /g', 'GET /g']],
  [
    'a length that Connection names',
    post('connection: content-length\r\ncontent-length: 3\r\n', 'abc'),
    ['POST /p abc'],
  ],
  [
    'chunks that Connection names',
    post('connection: transfer-encoding\r\ntransfer-encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    ['POST /p abc'],
  ],
  [
    'an upgrade to h2c, which is passed over',
    get('connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: a\r\n'),
    ['GET /g'],
  ],
];

for (const [name, message, wanted] of read) {
  test(`read once: ${name}`, { timeout: 20_000 }, async () => {
    for (const pieces of [[message + last], split(message + last, 40), split(message + last, 3)]) {
      arrivals = [];
      const said = await talk(pieces);
      assert.deepEqual(arrivals, [...wanted, 'GET /last']);
      assert.deepEqual(
        statuses(said),
        arrivals.map(() => 200),
      );
    }
  });
}

for (const [name, message, status] of [
  ['an upgrade', get('connection: upgrade\r\nupgrade: websocket\r\n'), 403],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n', 404],
] as const) {
  test(`answered, and nothing more is read: ${name}`, async () => {
    arrivals = [];
    assert.deepEqual(statuses(await talk([message + smuggled + last])), [status]);
    assert.deepEqual(arrivals, []);
  });
}

// The other way: what an upstream sends.

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const evil = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil';
const ask = (path: string, method = 'GET') => `${method} ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

/** What an upstream sends with, behind or instead of a response, and the status that the client gets. */
const replies: [string, string, number, string?][] = [
  ['a second response', ok + evil, 200],
  ['a second response to a response without body', `HTTP/1.1 204 No Content\r\n\r\n${evil}`, 204],
  ['a body with 304', `HTTP/1.1 304 Not Modified\r\ncontent-length: ${evil.length}\r\n\r\n${evil}`, 304],
  ['a body in answer to HEAD', `HTTP/1.1 200 OK\r\ncontent-length: ${evil.length}\r\n\r\n${evil}`, 200, 'HEAD'],
  ['chunks in answer to HEAD', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${evil}`, 200, 'HEAD'],
  ['more than its length', `HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n${evil}`, 200],
  ['bytes after the last chunk', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${evil}`, 200],
  ['a length with 204', `HTTP/1.1 204 No Content\r\ncontent-length: ${evil.length}\r\n\r\n${evil}`, 502],
  ['chunks with 204', `HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${evil}`, 502],
  ['a length with 103', `HTTP/1.1 103 Early Hints\r\ncontent-length: ${evil.length}\r\n\r\n${evil}${ok}`, 502],
  ['chunks with 103', `HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${ok}`, 502],
  ['an upgrade that nobody asked for', `HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\n\r\n${evil}`, 502],
  ['two lengths', `HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\nok${evil}`, 502],
  [
    'length and chunks',
    `HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${evil}`,
    502,
  ],
  ['chunks twice', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n${evil}`, 502],
  ['a folded header', `HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: a\r\n b\r\n\r\nok`, 502],
  ['bare line feeds', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok', 502],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok', 502],
  ['garbage', 'SSH-2.0-OpenSSH\r\n\r\n', 502],
  ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`, 502],
];

for (const [name, bytes, status, method] of replies) {
  test(`an upstream sends ${name}: no other request gets it`, { timeout: 20_000 }, async () => {
    // The second request waits for the upstream's only connection, so that it is the first to be harmed.
    const asked = store.counter('cluster.raw.upstream_rq_pending_total');
    const from = asked.value;
    let whenWaiting = (): void => {};
    reply = (socket, path) => {
      if (path === '/raw/next') socket.write(ok);
      else whenWaiting = () => socket.write(bytes);
    };
    const first = talkOnce(ask('/raw/first', method));
    while (store.gauge('cluster.raw.upstream_rq_active').value === 0) await new Promise(setImmediate);
    const next = talkOnce(ask('/raw/next'));
    while (store.gauge('cluster.raw.upstream_rq_pending_active').value === 0) await new Promise(setImmediate);
    assert.ok(asked.value > from);
    whenWaiting();
    assert.deepEqual([statuses(await first).at(-1), await first.then(said => said.includes('evil'))], [status, false]);
    assert.deepEqual([statuses(await next), (await next).endsWith('\r\n\r\nok')], [[200], true]);
  });
}

/** The answer to one request, on a connection that ends after it. */
function talkOnce(request: string): Promise<string> {
  return talk([request.replace('host: a\r\n', 'host: a\r\nconnection: close\r\n')]);
}
