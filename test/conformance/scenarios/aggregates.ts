/** Clusters of clusters: the hosts of each are the next priorities. */
import { accessLog, admin, raw, request, type Scenario, type Step, stats, together } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';

type Json = Record<string, unknown>;

const aggregate = (name: string, clusters: string[], more: Json = {}): Json => ({
  ...{ name, connect_timeout: '1s', lb_policy: 'CLUSTER_PROVIDED' },
  cluster_type: {
    name: 'envoy.clusters.aggregate',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig', clusters },
  },
  ...more,
});

/** Hosts in priorities: each a list of `port` or `port status`. */
const prioritized = (name: string, priorities: [port: number, status: string][][], more: Json = {}): Json => ({
  ...cluster(name, []),
  load_assignment: {
    cluster_name: name,
    endpoints: priorities.map((hosts, priority) => ({
      priority,
      lb_endpoints: hosts.map(([port, status]) => ({ endpoint: { address: address(port) }, health_status: status })),
    })),
  },
  ...more,
});

const logFormat = '%REQ(:PATH)% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %RESPONSE_CODE% %RESPONSE_FLAGS%\n';
const paths = ['first', 'second', 'third', 'broken', 'missing', 'twice', 'nested', 'degraded', 'none', 'panic'];

/** How often each upstream was asked: they tell themselves apart by what they are. */
const often = (path: string, times: number): Step =>
  together(
    `${times} × ${path}`,
    Array.from({ length: times }, (_, index) => request(path, {}, String(index))),
  );

const counts = [
  'upstream_rq_total',
  'upstream_rq_completed',
  'upstream_rq_200',
  'upstream_cx_total',
  'upstream_rq_retry',
  'upstream_rq_timeout',
  'upstream_cx_none_healthy',
  'membership_total',
  'membership_healthy',
  'lb_healthy_panic',
  'upstream_rq_pending_total',
  'upstream_cx_connect_fail',
  'retry.upstream_rq_503',
  'upstream_rq_503',
  'circuit_breakers.default.rq_open',
  'upstream_rq_pending_overflow',
];
const named = ['healthy', 'ill', 'prios', 'dead', 'limited', ...paths];

const bytesFormat = '%UPSTREAM_CLUSTER% %UPSTREAM_HOST% %RESPONSE_FLAGS%\n';

export const aggregates: Scenario = {
  name: 'clusters of clusters',
  config: (ports, log) => {
    const retry = { retry_policy: { retry_on: 'connect-failure,5xx', num_retries: 2 } };
    return bootstrap(ports, log, {
      manager: { access_log: [fileLog(log, logFormat)] },
      routes: [
        ...paths.map(name => route(`/${name}`, name)),
        route('/retried', 'broken', retry),
        route('/limited', 'limits'),
        route('/slow', 'first', { timeout: '0.2s', prefix_rewrite: '/silent' }),
      ],
      clusters: [
        cluster('healthy', [ports.raw]),
        prioritized('ill', [[[ports.raw, 'UNHEALTHY']]]),
        prioritized('prios', [[[ports.nobody, 'UNHEALTHY']], [[ports.raw, 'HEALTHY']]]),
        prioritized('worn', [[[ports.raw, 'DEGRADED']]]),
        cluster('dead', [ports.nobody]),
        cluster('limited', [ports.raw], {
          circuit_breakers: { thresholds: [{ max_pending_requests: 0, max_connections: 0 }] },
        }),
        cluster('empty', []),
        aggregate('first', ['healthy', 'dead']),
        aggregate('second', ['ill', 'healthy']),
        aggregate('third', ['ill', 'prios', 'dead']),
        aggregate('broken', ['dead', 'healthy']),
        aggregate('missing', ['nowhere', 'empty', 'healthy']),
        aggregate('twice', ['ill', 'second', 'first']),
        aggregate('nested', ['third']),
        aggregate('degraded', ['ill', 'worn']),
        aggregate('none', ['nowhere']),
        aggregate('panic', ['ill']),
        aggregate('limits', ['limited'], { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }),
      ],
    });
  },
  steps: [
    ...paths.map(name => often(`/${name}`, 2)),
    request('/retried'),
    request('/limited'),
    request('/slow'),
    accessLog(23),
    ...['first', 'nested'].map(name => admin(`/clusters?filter=^${name}$`)),
    admin('/config_dump', body => JSON.parse(body).configs.length),
    stats(...named.flatMap(name => counts.map(end => `cluster.${name}.${end}`))),
    stats('cluster_manager.active_clusters', 'cluster_manager.cluster_added'),
    raw('still there', 'GET /first HTTP/1.1\r\nhost: a\r\n\r\n'),
  ],
};

/** Bytes go the same way as requests. */
export const aggregatesOfBytes: Scenario = {
  name: 'clusters of clusters by TCP',
  config: (ports, log) => {
    const proxy = {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      ...{ stat_prefix: 'tcp', cluster: 'all', access_log: [fileLog(log, bytesFormat)], max_connect_attempts: 2 },
    };
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', address: address(ports.listener) },
            filter_chains: [{ filters: [{ name: 'tcp', typed_config: proxy }] }],
          },
        ],
        clusters: [
          prioritized('ill', [[[ports.nobody, 'UNHEALTHY']]]),
          cluster('healthy', [ports.raw]),
          aggregate('all', ['ill', 'healthy']),
        ],
      },
    };
  },
  steps: [
    request('/echo'),
    request('/own'),
    accessLog(2),
    stats(
      ...['ill', 'healthy', 'all'].flatMap(name =>
        ['upstream_cx_total', 'upstream_cx_active', 'upstream_rq_total', 'upstream_cx_none_healthy'].map(
          end => `cluster.${name}.${end}`,
        ),
      ),
    ),
  ],
};
