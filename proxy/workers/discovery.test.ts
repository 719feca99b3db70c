import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  askOften,
  cluster,
  listener,
  manager,
  of,
  RunningProxy,
  refused,
  statusesOf,
  two,
  until,
  upstream,
} from './fixture.ts';

const resources = (type: string, version: string, ...all: object[]) => ({
  version_info: version,
  resources: all.map(one => ({ '@type': `type.googleapis.com/${type}`, ...one })),
});

function put(folder: string, name: string, content: object): void {
  writeFileSync(join(folder, `${name}.new`), JSON.stringify(content));
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

const clusterType = 'envoy.config.cluster.v3.Cluster';
const listenerType = 'envoy.config.listener.v3.Listener';
const routeType = 'envoy.config.route.v3.RouteConfiguration';

/** Clusters, listeners and routes by files; each cluster's host answers its own name. */
async function dynamicProxy(t: TestContext): Promise<{ proxy: RunningProxy; ports: Record<'one' | 'two', number> }> {
  const ports = {
    one: await upstream(t, (_, response) => response.end('one')),
    two: await upstream(t, (_, response) => response.end('two')),
  };
  const proxy = await RunningProxy.start(
    t,
    folder => {
      put(folder, 'clusters', resources(clusterType, '1', cluster('one', [ports.one])));
      put(folder, 'routes', resources(routeType, '1', routing('one')));
      put(folder, 'listeners', resources(listenerType, '1', discovered('in', folder)));
      const by = (name: string) => ({ path_config_source: { path: join(folder, name) } });
      return { dynamic_resources: { cds_config: by('clusters'), lds_config: by('listeners') } };
    },
    ...two,
  );
  return { proxy, ports };
}

const routing = (to: string) => ({
  name: 'routes',
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: to } }] }],
});

const discovered = (name: string, folder: string) =>
  listener(name, [
    manager(name, {
      rds: { route_config_name: 'routes', config_source: { path_config_source: { path: join(folder, 'routes') } } },
    }),
  ]);

test('what comes while the proxy runs reaches all, and no request is lost', async t => {
  const { proxy, ports } = await dynamicProxy(t);
  const { folder } = proxy;
  const port = await proxy.port('in');
  const bodies = async (times: number) => {
    const answers = await askOften(port, '/', times);
    assert.deepEqual(statusesOf(answers), { 200: times });
    return new Set(answers.map(({ body }) => body));
  };
  assert.deepEqual([...(await bodies(16))], ['one']);
  put(folder, 'clusters', resources(clusterType, '2', cluster('one', [ports.one]), cluster('two', [ports.two])));
  await until(async () => (await of(proxy, 'cluster_manager.active_clusters'))[0] === 2);
  put(folder, 'routes', resources(routeType, '2', routing('two')));
  await until(async () => [...(await bodies(16))].join() === 'two');

  put(folder, 'listeners', resources(listenerType, '2', discovered('in', folder), discovered('more', folder)));
  await until(async () => !Number.isNaN(await proxy.port('more')));
  assert.deepEqual(statusesOf(await askOften(await proxy.port('more'), '/', 40)), { 200: 40 });
  const [total, first = 0, other = 0] = await of(
    proxy,
    ...[
      'listener.more.downstream_cx_total',
      'listener.more.worker_0.downstream_cx_total',
      'listener.more.worker_1.downstream_cx_total',
    ],
  );
  assert.equal(total, 40);
  assert.ok(first > 3 && other > 3, `${first} and ${other}`);

  const more = await proxy.port('more');
  put(folder, 'listeners', resources(listenerType, '3', discovered('in', folder)));
  await until(async () => (await refused(more, 12)) === 12);
  put(folder, 'clusters', resources(clusterType, '3', cluster('two', [ports.two])));
  await until(async () => (await of(proxy, 'cluster_manager.active_clusters'))[0] === 1);
  assert.deepEqual([...(await bodies(16))], ['two']);
  const stats = await proxy.stats();
  assert.deepEqual(
    [...stats.keys()].filter(name => name.startsWith('cluster.one.')),
    [],
  );
  assert.equal(stats.get('listener_manager.lds.update_rejected'), 0);
});
