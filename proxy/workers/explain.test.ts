import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostKept } from '../explain/explain.ts';
import { askOften, cluster, filter, listener, manager, RunningProxy, routesTo, two, upstream } from './fixture.ts';

interface Explained {
  explanations: {
    request_id?: string;
    stream_id?: string;
    time: string;
    duration_ms: number;
    decisions: { by: string; name: string; origin?: { line?: number } }[];
  }[];
}

const explained = async (proxy: RunningProxy): Promise<Explained['explanations']> =>
  (JSON.parse((await proxy.admin('/explain?format=json')).body) as Explained).explanations;

test('both workers serve and explain, and the whole is told', { timeout: 60_000 }, async t => {
  const port = await upstream(t, (_, response) => response.end('ok'));
  const bytes = filter('network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'bytes', cluster: 'up' });
  const configure = () => ({
    static_resources: {
      listeners: [listener('in', [manager('in', routesTo('up'))]), listener('bytes', [bytes])],
      clusters: [cluster('up', [port])],
    },
  });
  const proxy = await RunningProxy.start(t, configure, ...two, '--explain', 'all');
  await askOften(await proxy.port('in'), '/', 40);
  await askOften(await proxy.port('bytes'), '/', 40);
  const stats = await proxy.stats();
  for (const name of ['in', 'bytes'])
    for (const worker of [0, 1])
      assert.ok(stats.get(`listener.${name}.worker_${worker}.downstream_cx_total`)! > 3, `${name} ${worker}`);

  const all = await explained(proxy);
  const ids = all.map(({ request_id, stream_id }) => request_id ?? stream_id);
  assert.equal(new Set(ids).size, all.length);
  assert.equal(all.filter(({ request_id }) => request_id !== undefined).length, 40);
  // Connections are explained at their end, which may be to come.
  assert.ok(all.length > 70, String(all.length));
  for (const { decisions } of all) {
    assert.equal(decisions[0]!.by, 'listener');
    assert.ok(decisions.every(({ by, origin }) => by === 'end' || origin?.line !== undefined));
    assert.ok(decisions.some(({ by }) => by === 'try'));
  }
  const ends = all.map(({ time, duration_ms }) => Date.parse(time) + duration_ms);
  // Times are told in whole milliseconds.
  assert.ok(ends.every((end, index) => index === 0 || end <= ends[index - 1]! + 1));
  const one = await proxy.admin(`/explain?id=${ids.at(-1)}`);
  assert.equal(one.status, 200);

  await askOften(await proxy.port('in'), '/', 90);
  const later = await explained(proxy);
  assert.equal(later.length, mostKept);
  assert.ok(later.filter(({ request_id }) => request_id !== undefined).length >= 90);
});
