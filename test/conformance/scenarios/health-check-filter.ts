/** The health check filter: what asks for the health of the proxy itself, and of what stands behind it. */
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, admin, raw, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, typed } from './filters.ts';

type Json = Record<string, unknown>;

const filter = (said: Json) => ({
  name: 'health',
  typed_config: typed('envoy.extensions.filters.http.health_check.v3.HealthCheck', said),
});
const path = (exact: string): Json => ({ name: ':path', string_match: { exact } });
const fail = admin('/healthcheck/fail', undefined, 'POST');
const mend = admin('/healthcheck/ok', undefined, 'POST');
const counted = stats(
  ...['request_total', 'ok', 'failed', 'cached_response', 'degraded'].map(name => `http.ingress.health_check.${name}`),
  ...['not_found', 'empty', 'unhealthy'].map(name => `http.ingress.health_check.failed_cluster_${name}`),
  'http.ingress.downstream_rq_total',
  'http.ingress.downstream_rq_completed',
  'http.ingress.downstream_rq_2xx',
  'http.ingress.downstream_rq_5xx',
  'cluster.httpbin.upstream_rq_total',
);

const answering = (name: string, filters: Json[], steps: Step[]): Scenario => ({
  name,
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain(...filters.map(filter)),
        access_log: [
          fileLog(log, decisions),
          { ...fileLog(log, `no check: ${decisions}`), filter: { not_health_check_filter: {} } },
        ],
      },
      routes: [route('/raw/', 'raw', { prefix_rewrite: '/' }), route('/', 'httpbin')],
      clusters: [
        cluster('httpbin', [ports.httpbin]),
        cluster('raw', [ports.raw]),
        cluster('empty', []),
        cluster('half', [ports.httpbin, ports.nobody], {
          health_checks: [
            { timeout: '1s', interval: '60s', unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} },
          ],
        }),
      ],
      bootstrap: { admin: { address: address(ports.admin) }, node: { id: 'one', cluster: 'of-this-node' } },
    }),
  steps,
});

/** A step: what was kept is thrown away. */
const forgotten: Step = { name: 'what was kept is old', see: () => wait(1100) };

export const healthCheckFilter: Scenario[] = [
  answering(
    'health checks that the proxy answers',
    [
      {
        pass_through_mode: false,
        headers: [path('/healthz'), { name: 'x-no', present_match: true, invert_match: true }],
      },
    ],
    [
      request('/healthz'),
      request('/healthz', { method: 'HEAD' }),
      request('/healthz', { method: 'POST', body: 'abc' }),
      raw(
        'a check with chunks',
        'POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      ),
      raw(
        'a check with trailers',
        'POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n',
      ),
      request('/healthz', { headers: ['content-type: application/grpc'] }),
      request('/healthz', { headers: ['x-no: 1'] }),
      request('/healthz?a=b'),
      request('/get', { headers: ['user-agent: Envoy/HC'] }),
      fail,
      request('/healthz', {}, 'a check while it fails'),
      request('/healthz', { method: 'POST', body: 'abc' }, 'a check with a body while it fails'),
      request('/healthz', { headers: ['content-type: application/grpc'] }, 'gRPC while it fails'),
      request('/status/201', {}, 'another request while it fails'),
      mend,
      request('/healthz', {}, 'a check after that'),
      request('/status/201', {}, 'another request after that'),
      counted,
      accessLog(18),
    ],
  ),
  answering(
    'health checks that the service answers',
    [{ pass_through_mode: true, headers: [path('/status/200')] }],
    [
      request('/status/200'),
      request('/status/503'),
      fail,
      request('/status/200', {}, 'a check while it fails'),
      request('/status/503', {}, 'another request while it fails'),
      mend,
      request('/status/200', {}, 'a check after that'),
      counted,
      accessLog(7),
    ],
  ),
  answering(
    'health checks whose answers are kept',
    [
      {
        pass_through_mode: true,
        cache_time: '1s',
        headers: [{ name: ':path', string_match: { safe_regex: { regex: '/(status/5|response|status/2).*' } } }],
      },
    ],
    [
      request('/get'),
      forgotten,
      request('/status/503'),
      request('/status/201', {}, 'what was kept'),
      forgotten,
      request('/response-headers?x-envoy-degraded=1'),
      request('/status/503', {}, 'what was kept of a degraded service'),
      { ...forgotten, name: 'this is old, too' },
      fail,
      request('/status/200', {}, 'a check while it fails'),
      mend,
      request('/status/200', {}, 'a failure that was kept'),
      { ...forgotten, name: 'the failure is old' },
      request('/status/201', {}, 'a check of the service'),
      counted,
      accessLog(9),
    ],
  ),
  answering(
    'health checks by the health of clusters',
    [
      ['/fine', { httpbin: { value: 100 } }],
      ['/unknown', { nosuch: { value: 0 } }],
      ['/empty', { empty: { value: 1 } }],
      ['/empty-enough', { empty: { value: 0.9 } }],
      ['/half', { half: { value: 50.9 } }],
      ['/more', { half: { value: 51 } }],
      ['/all', { half: { value: 50 }, httpbin: {} }],
    ].map(([exact, percentages]) => ({
      pass_through_mode: false,
      cluster_min_healthy_percentages: percentages,
      headers: [path(String(exact))],
    })),
    [
      request('/fine'),
      request('/unknown'),
      request('/empty'),
      request('/empty-enough'),
      request('/half'),
      request('/more'),
      request('/all'),
      request('/get'),
      fail,
      request('/fine', {}, 'a check while it fails'),
      counted,
      accessLog(10),
    ],
  ),
];
