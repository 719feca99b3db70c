import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import {
  address,
  ask,
  askOften,
  cluster,
  filter,
  listener,
  manager,
  of,
  RunningProxy,
  refused,
  routesTo,
  statusesOf,
  two,
  until,
  upstream,
} from './fixture.ts';

const simple = (name: string, port: number, more: object = {}) => ({
  listeners: [listener(name, [manager(name, routesTo('up'))])],
  clusters: [cluster('up', [port], more)],
});
test('both workers serve, and the whole is told', async t => {
  const port = await upstream(t, (_, response) => response.end('ok'));
  const ids = (folder: string) => ({
    access_log: [
      {
        name: 'file',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
          path: join(folder, 'access.log'),
          log_format: { text_format_source: { inline_string: '%CONNECTION_ID%\n' } },
        },
      },
    ],
  });
  const configure = (folder: string) => ({
    static_resources: {
      ...simple('in', port),
      listeners: [listener('in', [manager('in', routesTo('up'), [], ids(folder))])],
    },
  });
  const proxy = await RunningProxy.start(t, configure, ...two);
  const answers = await askOften(await proxy.port('in'), '/', 60);
  assert.deepEqual(statusesOf(answers), { 200: 60 });
  const stats = await proxy.stats();
  const byWorker = [0, 1].map(worker => stats.get(`listener.in.worker_${worker}.downstream_cx_total`) ?? 0);
  assert.ok(
    byWorker.every(count => count > 5),
    `${byWorker}`,
  );
  assert.equal(byWorker[0]! + byWorker[1]!, 60);
  for (const name of [
    'listener.in.downstream_cx_total',
    'http.in.downstream_rq_total',
    'http.in.downstream_rq_2xx',
    'cluster.up.upstream_rq_total',
    'cluster.up.upstream_rq_200',
  ])
    assert.equal(stats.get(name), 60, name);
  assert.deepEqual(
    ['cluster.up.membership_total', 'cluster_manager.cluster_added', 'server.concurrency'].map(name => stats.get(name)),
    [1, 1, 2],
  );
  assert.match((await proxy.admin('/clusters')).body, /^up::[^:]+:\d+::rq_total::60$/m);
  assert.match((await proxy.admin('/server_info')).body, /"concurrency": 2,/);
  await until(async () => readFileSync(join(proxy.folder, 'access.log'), 'utf8').split('\n').length === 61);
  const connections = readFileSync(join(proxy.folder, 'access.log'), 'utf8').trim().split('\n');
  assert.equal(new Set(connections).size, 60);
  await proxy.admin('/reset_counters', 'POST');
  await ask(await proxy.port('in'), '/');
  assert.deepEqual(await of(proxy, 'http.in.downstream_rq_total', 'cluster.up.upstream_rq_total'), [1, 1]);
});

test('what is asked of the proxy, all workers do', async t => {
  const port = await upstream(t, (_, response) => response.end('ok'));
  const layered_runtime = { layers: [{ name: 'admin', admin_layer: {} }] };
  const configure = () => ({ static_resources: simple('in', port), layered_runtime });
  const proxy = await RunningProxy.start(t, configure, ...two);
  const own = await proxy.port('in');
  assert.equal((await proxy.admin('/runtime_modify?upstream.maintenance_mode.up=100', 'POST')).status, 200);
  await until(async () => statusesOf(await askOften(own, '/', 12))[503] === 12);
  await proxy.admin('/runtime_modify?upstream.maintenance_mode.up=', 'POST');
  await until(async () => statusesOf(await askOften(own, '/', 12))[200] === 12);
  await proxy.admin('/healthcheck/fail', 'POST');
  await until(async () => (await keptAlive(own, 12)) === 0);
  await proxy.admin('/healthcheck/ok', 'POST');
  await until(async () => (await keptAlive(own, 12)) === 12);
  await proxy.admin('/drain_listeners', 'POST');
  await until(async () => (await refused(own, 12)) === 12);
});

/** How many of so many connections may be used again after an answer. */
async function keptAlive(port: number, times: number): Promise<number> {
  let kept = 0;
  for (let i = 0; i < times; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const [answer] = await once(socket, 'data');
    if (!/connection: close/i.test(String(answer))) kept++;
    socket.destroy();
  }
  return kept;
}

test('limits hold for all workers together', async t => {
  const held: ServerResponse[] = [];
  const port = await upstream(t, (request, response) =>
    request.url === '/held' ? held.push(response) : response.end('ok'),
  );
  const always = { default_value: { numerator: 100 } };
  const proxy = await RunningProxy.start(
    t,
    () => ({
      static_resources: {
        listeners: [
          listener('rate', [
            manager('rate', routesTo('up'), [
              filter('http.local_ratelimit.v3.LocalRateLimit', {
                stat_prefix: 'a',
                token_bucket: { max_tokens: 10, tokens_per_fill: 1, fill_interval: '3600s' },
                filter_enabled: always,
                filter_enforced: always,
              }),
            ]),
          ]),
          listener('few', [
            filter('network.connection_limit.v3.ConnectionLimit', { stat_prefix: 'few', max_connections: 4 }),
            manager('few', routesTo('up')),
          ]),
          listener('slow', [
            filter('network.local_ratelimit.v3.LocalRateLimit', {
              stat_prefix: 'slow',
              token_bucket: { max_tokens: 6, tokens_per_fill: 1, fill_interval: '3600s' },
            }),
            manager('slow', routesTo('up')),
          ]),
          listener('narrow', [manager('narrow', routesTo('narrow'))]),
        ],
        clusters: [
          cluster('up', [port]),
          cluster('narrow', [port], { circuit_breakers: { thresholds: [{ max_requests: 3, track_remaining: true }] } }),
        ],
      },
    }),
    ...two,
  );
  await t.test('local rate limits', async () => {
    assert.deepEqual(statusesOf(await askOften(await proxy.port('rate'), '/', 30)), { 200: 10, 429: 20 });
  });
  await t.test('connections', async () => {
    const sockets = await openMany(await proxy.port('few'), 16);
    assert.equal(sockets.filter(({ isClosed }) => !isClosed()).length, 4);
    assert.deepEqual(await of(proxy, 'connection_limit.few.limited_connections'), [12]);
    for (const { socket } of sockets) socket.destroy();
    await until(async () => (await of(proxy, 'connection_limit.few.active_connections'))[0] === 0);
    const again = await openMany(await proxy.port('few'), 5);
    assert.equal(again.filter(({ isClosed }) => !isClosed()).length, 4);
    for (const { socket } of again) socket.destroy();
  });
  await t.test('connections in time', async () => {
    const sockets = await openMany(await proxy.port('slow'), 16);
    assert.equal(sockets.filter(({ isClosed }) => !isClosed()).length, 6);
    for (const { socket } of sockets) socket.destroy();
  });
  await t.test('circuit breakers', async () => {
    const narrow = await proxy.port('narrow');
    const waiting = [];
    for (let count = 1; count <= 3; count++) {
      waiting.push(ask(narrow, '/held'));
      await until(async () => held.length === count);
    }
    assert.deepEqual(statusesOf(await askOften(narrow, '/', 16)), { 503: 16 });
    const gauges = ['rq_open', 'remaining_rq'].map(name => `cluster.narrow.circuit_breakers.default.${name}`);
    assert.deepEqual(await of(proxy, ...gauges), [1, 0]);
    for (const response of held) response.end('at last');
    assert.deepEqual(statusesOf(await Promise.all(waiting)), { 200: 3 });
    assert.deepEqual(statusesOf(await askOften(narrow, '/', 8)), { 200: 8 });
    assert.deepEqual(await of(proxy, ...gauges), [0, 3]);
  });
});

/** Opens connections; each was judged when this ends: what is let in has answered, the rest is closed. */
async function openMany(port: number, count: number): Promise<{ socket: Socket; isClosed: () => boolean }[]> {
  const opened = [];
  for (let i = 0; i < count; i++) {
    const socket = connect(port, '127.0.0.1');
    const closed = new Promise(resolve => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await Promise.race([new Promise(resolve => socket.once('data', resolve)), closed]);
    opened.push({ socket, isClosed: () => socket.destroyed });
  }
  return opened;
}

test('a host that fails is ejected for all, as often as it failed with all', async t => {
  const bad = await upstream(t, (_, response) => response.writeHead(500).end());
  const good = await upstream(t, (_, response) => response.end('ok'));
  const proxy = await RunningProxy.start(
    t,
    () => ({
      static_resources: {
        listeners: [listener('in', [manager('in', routesTo('up'))])],
        clusters: [
          cluster('up', [bad, good], {
            outlier_detection: {
              consecutive_5xx: 6,
              enforcing_consecutive_5xx: 100,
              max_ejection_percent: 50,
              base_ejection_time: '600s',
            },
          }),
        ],
      },
    }),
    ...two,
  );
  const port = await proxy.port('in');
  const first = statusesOf(await askOften(port, '/', 40));
  assert.ok(first[500]! >= 6 && first[500]! <= 8, `${first[500]} answers of the host that fails`);
  assert.deepEqual(statusesOf(await askOften(port, '/', 20)), { 200: 20 });
  assert.deepEqual(
    await of(proxy, 'cluster.up.outlier_detection.ejections_active', 'cluster.up.membership_healthy'),
    [1, 1],
  );
});

test('health is looked at once, and known to all', async t => {
  let probes = 0;
  let healthy = true;
  const port = await upstream(t, (request, response) => {
    if (request.url === '/probe') probes++;
    response.writeHead(request.url === '/probe' && !healthy ? 500 : 200).end();
  });
  const health_checks = [
    {
      ...{ timeout: '5s', interval: '0.1s', no_traffic_interval: '0.1s', unhealthy_threshold: 1, healthy_threshold: 1 },
      http_health_check: { path: '/probe' },
    },
  ];
  const more = { health_checks, common_lb_config: { healthy_panic_threshold: { value: 0 } } };
  const proxy = await RunningProxy.start(t, () => ({ static_resources: simple('in', port, more) }), ...two);
  const own = await proxy.port('in');
  assert.deepEqual(statusesOf(await askOften(own, '/', 12)), { 200: 12 });
  healthy = false;
  await until(async () => statusesOf(await askOften(own, '/', 12))[503] === 12);
  healthy = true;
  await until(async () => statusesOf(await askOften(own, '/', 12))[200] === 12);
  // One may be under way.
  await until(async () => Math.abs(((await of(proxy, 'cluster.up.health_check.attempt'))[0] ?? 0) - probes) <= 1);
});

test('a proxy that is asked to end finishes what all workers have under way', async t => {
  const held: ServerResponse[] = [];
  const port = await upstream(t, (_, response) => held.push(response));
  const proxy = await RunningProxy.start(t, () => ({ static_resources: simple('in', port) }), ...two);
  const own = await proxy.port('in');
  const answers = Array.from({ length: 12 }, () => ask(own, '/'));
  await until(async () => held.length === 12);
  const workers = await of(proxy, ...[0, 1].map(worker => `listener.in.worker_${worker}.downstream_cx_active`));
  assert.ok(
    workers.every(active => active! > 0),
    `${workers}`,
  );
  proxy.process.kill('SIGTERM');
  await until(async () => (await refused(own, 6)) === 6);
  for (const response of held) response.end('at last');
  assert.deepEqual(statusesOf(await Promise.all(answers)), { 200: 12 });
  assert.deepEqual(await proxy.exited, [0, null]);
});

test('nothing is left of a proxy that is killed', async t => {
  const port = await upstream(t, (_, response) => response.end('ok'));
  const proxy = await RunningProxy.start(t, () => ({ static_resources: simple('in', port) }), ...two);
  const own = await proxy.port('in');
  proxy.process.kill('SIGKILL');
  await proxy.exited;
  assert.equal(await refused(own, 8), 8);
});

test('one worker is what there is where no more are asked for', async t => {
  const port = await upstream(t, (_, response) => response.end('ok'));
  const proxy = await RunningProxy.start(t, () => ({ static_resources: simple('in', port) }), '--concurrency', '1');
  const stats = await proxy.stats();
  assert.deepEqual(
    [stats.get('server.concurrency'), stats.has('listener.in.worker_1.downstream_cx_total')],
    [1, false],
  );
});

test('a session of TLS goes on with any worker', async t => {
  const port = await upstream(t, (_, response) => response.end('ok'));
  const fixtures = join(import.meta.dirname, '../../test/fixtures/tls');
  const certificate = {
    certificate_chain: { filename: join(fixtures, 'one.pem') },
    private_key: { filename: join(fixtures, 'one.key') },
  };
  const encrypted = {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      common_tls_context: { tls_certificates: [certificate] },
    },
  };
  const configure = () => ({
    static_resources: {
      listeners: [
        {
          ...{ name: 'in', stat_prefix: 'in', address: address(0) },
          filter_chains: [{ filters: [manager('in', routesTo('up'))], transport_socket: encrypted }],
        },
      ],
      clusters: [cluster('up', [port])],
    },
  });
  const proxy = await RunningProxy.start(t, configure, ...two);
  const options = {
    port: await proxy.port('in'),
    host: '127.0.0.1',
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  } as const;
  let session: Buffer | undefined;
  let reused = 0;
  for (let i = 0; i < 21; i++) {
    const socket = connectTls({ ...options, ...(session && { session }) });
    socket.on('session', (ticket: Buffer) => {
      session ??= ticket;
    });
    await once(socket, 'secureConnect');
    if (socket.isSessionReused()) reused++;
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
  }
  assert.equal(reused, 20);
  const counts = await of(proxy, ...[0, 1].map(worker => `listener.in.worker_${worker}.downstream_cx_total`));
  assert.ok(
    counts.every(count => count! > 0),
    `${counts}`,
  );
});
