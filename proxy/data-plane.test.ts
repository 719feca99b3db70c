/** The whole data plane over real sockets: one request at a time, with an upstream that misbehaves as asked. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { loadConfiguration } from './configuration/load.ts';
import { DataPlane } from './data-plane.ts';
import { StatsStore } from './stats/store.ts';
import { formatFlags, type StreamInfo } from './stream-info.ts';

const store = new StatsStore();
const finished: StreamInfo[] = [];
const arrivals: { url: string; headers: IncomingMessage['headers']; body: string }[] = [];
let plane: DataPlane;
let port = 0;
/** Responses that wait until the test lets them go. */
const held: (() => void)[] = [];

const upstream = createServer(async (incoming, outgoing) => {
  let body = '';
  for await (const chunk of incoming) body += chunk;
  arrivals.push({ url: incoming.url ?? '', headers: incoming.headers, body });
  const [, verb, argument] = (incoming.url ?? '').split('/');
  if (verb === 'hang') return;
  if (verb === 'close') incoming.socket.destroy();
  else if (verb === 'small') held.push(() => outgoing.end('done'));
  else if (verb === 'bytes') outgoing.end(Buffer.alloc(Number(argument), 'b'));
  else if (verb === 'chunks') Readable.from(smallChunks(Number(argument))).pipe(outgoing);
  else {
    outgoing.statusCode = verb === 'status' ? Number(argument) : 200;
    outgoing.end('done');
  }
});

function* smallChunks(count: number): Generator<Buffer> {
  for (let n = 0; n < count; n++) yield Buffer.alloc(1000, 'c');
}

before(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  plane = await startPlane(store);
  port = portOf(plane);
});

async function startPlane(store: StatsStore): Promise<DataPlane> {
  const yaml = configuration((upstream.address() as AddressInfo).port);
  const started = new DataPlane(loadConfiguration({ yaml }).bootstrap, {
    store,
    accessLog: () => undefined,
    observers: [info => finished.push(info)],
  });
  await started.start();
  return started;
}

function portOf(of: DataPlane): number {
  return Number([...of.listeners()][0]!.address.split(':')[1]);
}

after(async () => {
  await plane.stop(0);
  upstream.closeAllConnections();
  upstream.close();
});

function configuration(upstreamPort: number): string {
  const endpoint = `{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${upstreamPort}}}}}`;
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
            - name: all
              domains: ["*"]
              routes:
              - {match: {prefix: /status/500}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 3, retry_back_off: {base_interval: 0.001s}}}}
              - {match: {prefix: /hang}, route: {cluster: up, timeout: 0.1s}}
              - {match: {prefix: /small}, route: {cluster: small}}
              - {match: {prefix: /}, route: {cluster: up}}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: up
    type: STATIC
    load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [${endpoint}]}]}
  - name: small
    type: STATIC
    circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 1}]}
    load_assignment: {cluster_name: small, endpoints: [{lb_endpoints: [${endpoint}]}]}
`;
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

async function call(path: string, method = 'GET', body = ''): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, method, agent: false });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, body: text };
}

test('a request reaches the upstream with what a proxy adds, and its response comes back', async () => {
  const answer = await call('/hello', 'POST', 'body');
  assert.deepEqual([answer.status, answer.body, answer.headers.server], [200, 'done', 'envoy']);
  assert.match(String(answer.headers['x-envoy-upstream-service-time']), /^\d+$/);
  const arrival = arrivals.at(-1)!;
  assert.equal(arrival.body, 'body');
  assert.equal(arrival.headers['x-envoy-expected-rq-timeout-ms'], '15000');
  assert.match(String(arrival.headers['x-request-id']), /^[0-9a-f-]{36}$/);
});

test('three retries on 5xx: four arrivals with the whole body, the stats of the lesson, URX', async () => {
  const from = arrivals.length;
  const answer = await call('/status/500', 'POST', 'again');
  assert.equal(answer.status, 500);
  assert.deepEqual(
    arrivals.slice(from).map(arrival => arrival.body),
    ['again', 'again', 'again', 'again'],
  );
  const value = (name: string) => store.counter(`cluster.up.${name}`).value;
  assert.deepEqual(
    ['upstream_rq_retry', 'retry.upstream_rq_500', 'upstream_rq_retry_limit_exceeded', 'upstream_rq_500'].map(value),
    [3, 3, 1, 1],
  );
  assert.equal(formatFlags(finished.at(-1)!.flags), 'URX');
  assert.deepEqual(
    finished.at(-1)!.attempts.map(attempt => attempt.status),
    [500, 500, 500, 500],
  );
});

test('what takes too long is answered by 504, and counted', async () => {
  const answer = await call('/hang');
  assert.deepEqual([answer.status, answer.body], [504, 'upstream request timeout']);
  assert.equal(store.counter('cluster.up.upstream_rq_timeout').value, 1);
  assert.equal(formatFlags(finished.at(-1)!.flags), 'UT');
});

test('an upstream that hangs up is a 503 with UC', async () => {
  const answer = await call('/close');
  const words = 'upstream connect error or disconnect/reset before headers. reset reason: connection termination';
  assert.deepEqual([answer.status, answer.body], [503, words]);
  assert.equal(formatFlags(finished.at(-1)!.flags), 'UC');
});

test('one connection and one pending request: four more while one is served, three overflow', async () => {
  const calls = [call('/small')];
  while (held.length === 0) await new Promise(resolve => setImmediate(resolve));
  calls.push(...Array.from({ length: 4 }, () => call('/small')));
  const overflow = store.counter('cluster.small.upstream_rq_pending_overflow');
  while (overflow.value < 3) await new Promise(resolve => setImmediate(resolve));
  assert.equal(store.gauge('cluster.small.circuit_breakers.default.rq_pending_open').value, 1);
  held.shift()!();
  while (held.length === 0) await new Promise(resolve => setImmediate(resolve));
  held.shift()!();
  const answers = await Promise.all(calls);
  const refused = answers.filter(answer => answer.status === 503);
  assert.equal(refused.length, 3);
  assert.ok(
    refused.every(answer => answer.headers['x-envoy-overloaded'] === 'true' && answer.body.endsWith(': overflow')),
  );
  assert.equal(store.gauge('cluster.small.circuit_breakers.default.rq_pending_open').value, 0);
});

test('a client that goes away ends its request: DC', async () => {
  const before = finished.length;
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /hang/long HTTP/1.1\r\nhost: a\r\n\r\n');
  await new Promise<void>(resolve => upstream.once('request', () => resolve()));
  socket.destroy();
  while (finished.length === before) await new Promise(resolve => setImmediate(resolve));
  assert.equal(formatFlags(finished.at(-1)!.flags), 'DC');
  assert.equal(store.gauge('cluster.up.upstream_rq_active').value, 0);
});

/** How many bytes a client gets that does not begin to read before the proxy has stopped reading from the upstream. */
async function readSlowly(path: string): Promise<number> {
  const paused = store.counter('cluster.up.upstream_flow_control_paused_reading_total');
  const before = paused.value;
  const sent = request({ host: '127.0.0.1', port, path, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  while (paused.value === before) await new Promise(resolve => setImmediate(resolve));
  let received = 0;
  for await (const chunk of response) received += (chunk as Buffer).length;
  return received;
}

test('a large body arrives whole at a client that reads slowly', { timeout: 30_000 }, async () => {
  assert.equal(await readSlowly(`/bytes/${20 << 20}`), 20 << 20);
});

test('so does one in many small chunks', { timeout: 30_000 }, async () => {
  assert.equal(await readSlowly('/chunks/20000'), 20_000_000);
});

test('stop waits for the request under way by its end, not by looking at times', async context => {
  const own = await startPlane(new StatsStore());
  const sent = request({ host: '127.0.0.1', port: portOf(own), path: '/small', agent: false });
  sent.end();
  while (held.length === 0) await new Promise(resolve => setImmediate(resolve));
  // No timer fires from here on: what ends now ends by an event.
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let stopped = false;
  const stopping = own.stop(60_000).then(() => (stopped = true));
  assert.equal(stopped, false);
  held.shift()!();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  assert.equal(response.headers.connection, 'close');
  response.resume();
  await stopping;
});

test('stop ends what is under way when its time is over', async context => {
  const own = await startPlane(new StatsStore());
  const sent = request({ host: '127.0.0.1', port: portOf(own), path: '/small', agent: false });
  sent.end();
  while (held.length === 0) await new Promise(resolve => setImmediate(resolve));
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const failed = once(sent, 'error');
  const stopping = own.stop(60_000);
  context.mock.timers.tick(59_999);
  assert.equal(
    await Promise.race([stopping, new Promise(resolve => setImmediate(resolve, 'still there'))]),
    'still there',
  );
  context.mock.timers.tick(1);
  await stopping;
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
  held.shift()!();
});
