/** Updates come while requests are under way: none is lost. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { loadConfiguration } from './configuration/load.ts';
import { ResourceLoader } from './configuration/resource-loader.ts';
import { DataPlane } from './data-plane.ts';
import { Log } from './log.ts';
import { StatsStore } from './stats/store.ts';
import { XdsContext } from './xds/xds-context.ts';

const patience = 20_000;
const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const router = 'envoy.extensions.filters.http.router.v3.Router';

interface Place {
  plane: DataPlane;
  store: StatsStore;
  folder: string;
  /** Requests of `/slow` that wait for their answer at the upstream. */
  held: ServerResponse[];
  upstreamPort: number;
  /** The source of routes. */
  rds: string;
  ask(path: string, agent?: Agent): Promise<string>;
  put(kind: 'cds' | 'rds' | 'lds', version: string, resource: string): Promise<void>;
}

const route = (cluster: string): string =>
  `"@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: routes
  virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: ${cluster}, timeout: 10s}}]}]`;

const cluster = (name: string, port: number, connectTimeout: string): string =>
  `"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: ${name}
  connect_timeout: ${connectTimeout}
  load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}]}]}`;

const listener = (port: number, serverName: string, rds: string, bytes = 10_000): string =>
  `"@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: in
  address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}
  per_connection_buffer_limit_bytes: ${bytes}
  filter_chains:
  - filters:
    - name: manager
      typed_config:
        "@type": type.googleapis.com/${manager}
        stat_prefix: in
        server_name: ${serverName}
        rds: {route_config_name: routes, config_source: ${rds}}
        http_filters: [{name: r, typed_config: {"@type": type.googleapis.com/${router}}}]`;

async function start(context: TestContext, drainMs = 300): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'discovery-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const held: ServerResponse[] = [];
  const upstream = createServer((request, answer) => {
    if (request.url === '/slow') held.push(answer);
    else answer.end(`answer to ${request.url}`);
  });
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  context.after(() => upstream.close(() => undefined).closeAllConnections());
  const upstreamPort = (upstream.address() as AddressInfo).port;
  const store = new StatsStore();
  const loader = new ResourceLoader();
  context.after(() => loader.close());
  const write = (kind: string, version: string, resource: string): void => {
    writeFileSync(join(folder, 'fresh'), `version_info: "${version}"\nresources:\n- ${resource}\n`);
    renameSync(join(folder, 'fresh'), join(folder, `${kind}.yaml`));
  };
  write('cds', '1', cluster('one', upstreamPort, '1s'));
  write('rds', '1', route('one'));
  const source = (kind: string) =>
    `{path_config_source: {path: ${join(folder, `${kind}.yaml`)}}, resource_api_version: V3}`;
  const rds = source('rds');
  write('lds', '1', listener(0, 'v1', rds));
  const yaml = `dynamic_resources: {cds_config: ${source('cds')}, lds_config: ${source('lds')}}`;
  const log = new Log('off');
  const xds = new XdsContext({ loader, store, log, rejectUnknownFields: false, node: { id: 'a', cluster: 'b' } });
  const plane = new DataPlane(loadConfiguration({ yaml }).bootstrap, {
    store,
    xds,
    accessLog: () => undefined,
    drain: { durationMs: drainMs, gradual: true },
  });
  context.after(() => plane.stop(0));
  await plane.start();
  const port = Number([...plane.listeners()][0]!.address.split(':')[1]);
  return {
    plane,
    store,
    folder,
    held,
    upstreamPort,
    rds,
    ask: (path, agent = new Agent()) => ask(port, path, agent),
    put: async (kind, version, resource) => {
      write(kind, version, resource);
      const prefix = { cds: 'cluster_manager.cds', lds: 'listener_manager.lds', rds: 'http.in.rds.routes' }[kind];
      await until(() => store.textReadout(`${prefix}.version_text`).value === version);
    },
  };
}

async function ask(port: number, path: string, agent: Agent): Promise<string> {
  const request = get({ host: '127.0.0.1', port, path, agent });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of answer) body += chunk;
  return `${answer.statusCode} ${body}`;
}

async function until(is: () => boolean): Promise<void> {
  const end = Date.now() + patience;
  while (!is()) {
    assert.ok(Date.now() < end, 'it did not come to be');
    await wait(5);
  }
}

test('a request that is under way ends as it would when its cluster changes, or goes', { timeout: 60_000 }, async t => {
  const { ask, put, held, upstreamPort, store } = await start(t);
  const answers: Promise<string>[] = [];
  const hold = async (): Promise<void> => {
    answers.push(ask('/slow'));
    await until(() => held.length === answers.length);
  };
  await hold();
  await put('cds', '2', cluster('one', upstreamPort, '2s'));
  await hold();
  await put('rds', '2', route('two'));
  assert.equal(await ask('/'), '503 ');
  await put('cds', '3', cluster('two', upstreamPort, '1s'));
  assert.equal(await ask('/'), '200 answer to /');
  await hold();
  await put('cds', '4', cluster('three', upstreamPort, '1s'));
  assert.equal(await ask('/'), '503 ');
  for (const answer of held) answer.end('late, but whole');
  assert.deepEqual(await Promise.all(answers), Array(3).fill('200 late, but whole'));
  // What is gone is counted no more.
  assert.equal(store.counters.has('cluster.one.upstream_rq_total'), false);
});

test('while clusters and routes change again and again, every request is answered', { timeout: 60_000 }, async t => {
  const { ask, put, upstreamPort, store } = await start(t);
  let running = true;
  const wrong: string[] = [];
  let answered = 0;
  const load = Array.from({ length: 8 }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (; running; answered++) {
      const answer = await ask('/x', agent).catch(String);
      if (answer !== '200 answer to /x') wrong.push(answer);
    }
    agent.destroy();
  });
  t.after(() => {
    running = false;
  });
  for (let round = 2; round < 22; round++) {
    await put('cds', String(round), cluster('one', upstreamPort, `${round}s`));
    await put('rds', String(round), route('one').replace('10s', `${round}.5s`));
  }
  running = false;
  await Promise.all(load);
  assert.deepEqual(wrong, []);
  assert.ok(answered > 100, `${answered} answers`);
  assert.equal(store.counter('cluster_manager.cluster_modified').value, 20);
  assert.equal(store.gauge('cluster_manager.warming_clusters').value, 0);
  // Connections of the clusters before are closed.
  await until(() => store.gauge('cluster.one.upstream_cx_active').value <= 8);
});

test('while the listener changes in part and as a whole, every request is answered', { timeout: 60_000 }, async t => {
  const { ask, put, rds, store } = await start(t);
  let running = true;
  const wrong: string[] = [];
  let answered = 0;
  const load = Array.from({ length: 8 }, async (_, index) => {
    // Half of them come anew for each request.
    const agent = new Agent({ keepAlive: index % 2 === 0, maxSockets: 1 });
    for (; running; answered++) {
      const answer = await ask('/x', agent).catch(String);
      if (answer !== '200 answer to /x') wrong.push(answer);
    }
    agent.destroy();
  });
  t.after(() => {
    running = false;
  });
  for (let round = 2; round < 22; round++)
    await put('lds', String(round), listener(0, `v${round}`, rds, round % 2 === 0 ? 10_000 + round : 10_001 + round));
  running = false;
  await Promise.all(load);
  // What is closed since the drain time is over may cross a request, as with Envoy: Node's agent tells of it.
  assert.deepEqual(
    wrong.filter(answer => !answer.includes('ECONNRESET') && !answer.includes('socket hang up')),
    [],
  );
  assert.ok(answered > 100, `${answered} answers`);
  assert.equal(store.counter('listener_manager.listener_modified').value, 20);
  await until(() => store.gauge('listener_manager.total_listeners_draining').value === 0);
  assert.equal(store.gauge('listener_manager.total_listeners_active').value, 1);
});

test('a request under way when its listener changes, or goes, ends as it would', { timeout: 60_000 }, async t => {
  const { ask, put, rds, held, store, plane } = await start(t, 30_000);
  const answers: Promise<string>[] = [];
  const hold = async (): Promise<void> => {
    answers.push(ask('/slow'));
    await until(() => held.length === answers.length);
  };
  await hold();
  await put('lds', '2', listener(0, 'v2', rds));
  await hold();
  await put('lds', '3', listener(0, 'v2', rds, 20_000));
  await hold();
  assert.equal(store.gauge('listener_manager.total_listeners_draining').value, 1);
  for (const answer of held) answer.end('late, but whole');
  assert.deepEqual(await Promise.all(answers), Array(3).fill('200 late, but whole'));
  await put('lds', '4', listener(0, 'v2', rds).replace('name: in', 'name: other'));
  await until(() => [...plane.listeners()].map(({ name }) => name).join() === 'other');
});
