import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsStore } from '../../stats/store.ts';
import { tagged } from '../../stats/tags.ts';
import { handleStats } from './handler.ts';

function store(): StatsStore {
  const stats = new StatsStore();
  stats.counter('cluster.a.upstream_rq_200').add(2);
  stats.counter('cluster.a.upstream_rq_total');
  stats.gauge('server.live').set(1);
  stats.textReadout('control_plane.identifier').set('me');
  for (const value of [0, 1, 4, 101]) stats.histogram('cluster.a.upstream_rq_time').record(value);
  stats.histogram('unused');
  stats.flush();
  return stats;
}

const ask = (query: string) => handleStats(store(), new URLSearchParams(query));

/** The figures of the histogram are what Envoy 1.40 printed for these values. */
test('text has three phases', () => {
  assert.equal(
    ask('').body,
    `control_plane.identifier: "me"
cluster.a.upstream_rq_200: 2
cluster.a.upstream_rq_total: 0
server.live: 1
cluster.a.upstream_rq_time: P0(0,0) P25(0,0) P50(1.05,1.05) P75(4.05,4.05) P90(105,105) P95(105,105) P99(105,105) P99.5(105,105) P99.9(105,105) P100(105,105)
unused: No recorded values
`,
  );
});

test('filters, kinds and use select', () => {
  assert.equal(ask('filter=rq_t.*l').body, 'cluster.a.upstream_rq_total: 0\n');
  assert.equal(ask('type=Gauges').body, 'server.live: 1\n');
  assert.equal(ask('type=Counters&usedonly').body, 'cluster.a.upstream_rq_200: 2\n');
  assert.equal(ask('type=Counters&filter=total&invert_filter').body, 'cluster.a.upstream_rq_200: 2\n');
});

test('buckets and details', () => {
  assert.match(
    ask('type=Histograms&histogram_buckets=cumulative').body,
    /B0\.5\(1,1\) B1\(2,2\) B5\(3,3\) .* B100\(4,4\) .*B1\.8e\+06\(4,4\)/,
  );
  assert.match(ask('type=Histograms&histogram_buckets=disjoint').body, /B0\.5\(1,1\) B1\(1,1\) B5\(1,1\) B10\(0,0\)/);
  assert.match(
    ask('type=Histograms&histogram_buckets=detailed').body,
    /\n {2}totals=0,0:1, 1,0\.1:1, 4,0\.1:1, 100,10:1\n {2}intervals=/,
  );
});

test('JSON has histograms last', () => {
  const { stats } = JSON.parse(ask('format=json').body);
  assert.deepEqual(stats.slice(0, 2), [
    { name: 'control_plane.identifier', value: 'me' },
    { name: 'cluster.a.upstream_rq_200', value: 2 },
  ]);
  assert.deepEqual(stats.at(-1).histograms.computed_quantiles[1].values[0], { cumulative: null, interval: null });
});

test('Prometheus has families with labels', () => {
  const { body } = ask('format=prometheus');
  assert.match(
    body,
    /^# TYPE envoy_cluster_upstream_rq counter\nenvoy_cluster_upstream_rq\{envoy_response_code="200",envoy_cluster_name="a"\} 2\n/,
  );
  assert.match(body, /\nenvoy_server_live\{\} 1\n/);
  assert.match(
    body,
    /_bucket\{envoy_cluster_name="a",le="\+Inf"\} 4\nenvoy_cluster_upstream_rq_time_sum\{envoy_cluster_name="a"\} 109\.\d+\n/,
  );
});

test('bad parameters are refused as Envoy does', () => {
  assert.deepEqual(ask('format=zz'), {
    status: 400,
    contentType: 'text/plain; charset=UTF-8',
    body: 'usage: /stats?format=(html|active-html|json|prometheus|text)\n\n',
  });
  assert.equal(ask('type=zz').body, 'invalid &type= param\n');
  assert.equal(ask('filter=(').body, 'Invalid re2 regex: missing ): (\n');
});

test('tags are taken out of names', () => {
  const table: Record<string, [string, Record<string, string>]> = {
    'cluster.a.external.upstream_rq_2xx': [
      'cluster.external.upstream_rq_xx',
      { envoy_response_code_class: '2', envoy_cluster_name: 'a' },
    ],
    'http.ingress.downstream_rq_total': ['http.downstream_rq_total', { envoy_http_conn_manager_prefix: 'ingress' }],
    'listener.127.0.0.1_15001.downstream_cx_total': [
      'listener.downstream_cx_total',
      { envoy_listener_address: '127.0.0.1_15001' },
    ],
    'listener.127.0.0.1_15001.worker_0.downstream_cx_total': [
      'listener.worker.downstream_cx_total',
      { envoy_worker_id: '0', envoy_listener_address: '127.0.0.1_15001' },
    ],
    'listener.admin.downstream_cx_total': ['listener.admin.downstream_cx_total', {}],
    'server.uptime': ['server.uptime', {}],
  };
  for (const [full, [name, tags]] of Object.entries(table)) {
    const result = tagged(full);
    assert.deepEqual([result.name, Object.fromEntries(result.tags)], [name, tags], full);
  }
});
