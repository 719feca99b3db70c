import { accessLog, admin, during, request, type Scenario, stats, together } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';

const flags =
  '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n';

/** The statistics of a cluster that the lessons and parity.md name. */
export const clusterStats = (name: string): string[] =>
  [
    'upstream_rq_total',
    'upstream_rq_completed',
    'upstream_rq_2xx',
    'upstream_rq_200',
    'upstream_rq_4xx',
    'upstream_rq_5xx',
    'upstream_rq_500',
    'upstream_rq_503',
    'upstream_rq_504',
    'upstream_rq_timeout',
    'upstream_rq_per_try_timeout',
    'upstream_rq_maintenance_mode',
    'upstream_rq_rx_reset',
    'upstream_rq_tx_reset',
    'upstream_rq_retry',
    'upstream_rq_retry_success',
    'upstream_rq_retry_overflow',
    'upstream_rq_retry_limit_exceeded',
    'upstream_rq_retry_backoff_exponential',
    'upstream_rq_retry_backoff_ratelimited',
    'retry.upstream_rq_completed',
    'retry.upstream_rq_5xx',
    'retry.upstream_rq_500',
    'retry.upstream_rq_503',
    'upstream_rq_pending_overflow',
    'upstream_rq_pending_failure_eject',
    'upstream_rq_active',
    'upstream_rq_pending_active',
    'upstream_rq_cancelled',
    'upstream_cx_connect_fail',
    'upstream_cx_connect_timeout',
    'upstream_cx_none_healthy',
    'upstream_cx_overflow',
    'upstream_cx_protocol_error',
    'upstream_cx_destroy_remote_with_active_rq',
    'upstream_cx_destroy_with_active_rq',
    'membership_total',
    'membership_healthy',
    'external.upstream_rq_completed',
    'external.upstream_rq_5xx',
    'internal.upstream_rq_completed',
    'circuit_breakers.default.cx_open',
    'circuit_breakers.default.rq_pending_open',
    'circuit_breakers.default.rq_open',
    'circuit_breakers.default.rq_retry_open',
  ].map(stat => `cluster.${name}.${stat}`);

export const managerStats = [
  'downstream_rq_total',
  'downstream_rq_completed',
  'downstream_rq_2xx',
  'downstream_rq_3xx',
  'downstream_rq_4xx',
  'downstream_rq_5xx',
  'downstream_rq_active',
  'downstream_rq_http1_total',
  'downstream_rq_timeout',
  'downstream_rq_idle_timeout',
  'downstream_cx_protocol_error',
  'no_route',
  'no_cluster',
  'rq_total',
  'rq_direct_response',
  'rq_redirect',
  'rq_reset_after_downstream_response_started',
].map(stat => `http.ingress.${stat}`);

/** Every answer that the proxy makes by itself. */
export const localReplies: Scenario = {
  name: 'local replies',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routeConfiguration: { validate_clusters: false },
      virtualHosts: [
        { name: 'other', domains: ['only.com'], routes: [route('/', 'httpbin')] },
        {
          name: 'example',
          domains: ['example.com'],
          routes: [
            route('/nobody', 'nobody'),
            route('/no-host', 'empty'),
            route('/unknown', 'not-there'),
            {
              match: { prefix: '/unknown-404' },
              route: { cluster: 'not-there', cluster_not_found_response_code: 'NOT_FOUND' },
            },
            route('/silent', 'raw', { timeout: '0.2s' }),
            route('/alt', 'raw', { timeout: '0.2s', prefix_rewrite: '/silent' }),
            route('/per-try', 'raw', {
              prefix_rewrite: '/silent',
              timeout: '5s',
              retry_policy: { per_try_timeout: '0.1s', retry_on: 'reset', num_retries: 1 },
            }),
            route('/idle', 'raw', { prefix_rewrite: '/silent', timeout: '0s', idle_timeout: '0.2s' }),
            route('/raw', 'raw', { prefix_rewrite: '' }),
            { match: { path: '/direct' }, direct_response: { status: 418, body: { inline_string: 'a teapot' } } },
            { match: { path: '/direct-empty' }, direct_response: { status: 204 } },
            {
              match: { path: '/to' },
              redirect: { host_redirect: 'other.com', path_redirect: '/there', response_code: 'FOUND' },
            },
            { match: { path: '/to-https' }, redirect: { https_redirect: true } },
            { match: { path: '/to-prefix/a' }, redirect: { prefix_rewrite: '/b', strip_query: true } },
            {
              match: { prefix: '/to-regex' },
              redirect: { regex_rewrite: { pattern: { regex: '/([a-z])' }, substitution: '/\\1\\1' } },
            },
            {
              match: { prefix: '/to-query' },
              redirect: { path_redirect: '/there?a=b' },
            },
            route('/maintenance', 'maintenance'),
            route('/disconnect', 'raw'),
            route('/reset', 'raw'),
            route('/garbage', 'raw'),
            route('/bad', 'raw'),
            route('/truncated', 'raw'),
            route('/status-only', 'raw'),
            route('/status', 'httpbin'),
          ],
        },
      ],
      clusters: [
        cluster('httpbin', [ports.httpbin]),
        cluster('nobody', [ports.nobody]),
        cluster('empty', []),
        cluster('raw', [ports.raw]),
        cluster('maintenance', [ports.httpbin]),
      ],
      manager: { access_log: [fileLog(log, flags)] },
      bootstrap: {
        layered_runtime: {
          layers: [{ name: 'static', static_layer: { 'upstream.maintenance_mode.maintenance': 100 } }],
        },
      },
    }),
  steps: [
    request('/not-there'),
    request('/not-there', { method: 'HEAD' }),
    request('/unknown'),
    request('/unknown-404'),
    request('/no-host'),
    request('/nobody'),
    request('/nobody', { method: 'POST', body: 'abc' }),
    request('/silent'),
    request('/per-try'),
    request('/direct'),
    request('/direct-empty'),
    request('/to'),
    request('/to-https?a=b'),
    request('/to-prefix/a/c?q'),
    request('/to-prefix/a?q'),
    request('/to-regex/x/y?z=/q'),
    request('/to-query?z'),
    request('/disconnect'),
    request('/reset'),
    request('/garbage'),
    request('/bad-header'),
    request('/bad-length'),
    request('/truncated'),
    request('/truncated-chunks'),
    request('/status-only'),
    accessLog(25),
    stats(...managerStats),
    stats(...clusterStats('raw')),
    stats(...clusterStats('nobody')),
    stats(...clusterStats('empty')),
    stats(...clusterStats('httpbin')),
  ],
};

/** Answers by the proxy itself that later lessons need. */
export const laterReplies: Scenario = {
  name: 'local replies of later lessons',
  config: localReplies.config,
  steps: [
    request('/not-there', { headers: ['content-type: application/grpc'] }),
    request('/no-host', { headers: ['content-type: application/grpc'] }),
    request('/silent', { headers: ['content-type: application/grpc'] }),
    request('/idle'),
    request('/maintenance'),
    stats(...clusterStats('maintenance')),
  ],
};

const retrying = (more: Record<string, unknown> = {}) => ({
  retry_policy: { retry_on: '5xx', num_retries: 3, retry_back_off: { base_interval: '0.01s' }, ...more },
});

/** Tries again, and what is counted then. */
export const retries: Scenario = {
  name: 'retries',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        route('/status/404', 'r404', retrying({ retry_on: 'retriable-4xx' })),
        route('/status/409', 'r409', retrying({ retry_on: 'retriable-4xx' })),
        route('/status/418', 'codes', retrying({ retry_on: 'retriable-status-codes', retriable_status_codes: [418] })),
        route('/status/502', 'gateway', retrying({ retry_on: 'gateway-error' })),
        route('/status/503', 'waiting', {
          timeout: '0.3s',
          ...retrying({ retry_back_off: { base_interval: '600s', max_interval: '6000s' } }),
        }),
        route('/nobody', 'nobody', retrying({ retry_on: 'connect-failure' })),
        route('/disconnect', 'raw', retrying({ retry_on: 'reset' })),
        route('/reset', 'raw', retrying({ retry_on: 'reset-before-request' })),
        route('/silent', 'raw-timeout', { timeout: '0.4s', ...retrying({ per_try_timeout: '0.1s', num_retries: 1 }) }),
        route('/delay', 'timeout', { timeout: '0.2s', ...retrying() }),
        route('/', 'httpbin', retrying()),
      ],
      clusters: [
        ...['httpbin', 'r404', 'r409', 'codes', 'gateway', 'timeout', 'waiting'].map(name =>
          cluster(name, [ports.httpbin]),
        ),
        cluster('nobody', [ports.nobody]),
        cluster('raw', [ports.raw]),
        cluster('raw-timeout', [ports.raw]),
      ],
      manager: { access_log: [fileLog(log, flags)] },
    }),
  steps: [
    request('/status/500'),
    request('/status/500', { method: 'POST', body: 'abc' }),
    request('/flaky/2?key=a'),
    request('/flaky/2?key=b', { method: 'POST', body: 'abc' }),
    request('/flaky/4?key=c'),
    request('/status/200'),
    request('/status/404'),
    request('/status/409'),
    request('/status/418'),
    request('/status/502'),
    request('/nobody'),
    request('/disconnect'),
    request('/reset'),
    request('/silent'),
    request('/delay/1'),
    request('/status/503', {}, 'the time is over while another try waits'),
    admin('/clusters?filter=waiting', body => body.split('\n').filter(line => /::rq_/.test(line))),
    accessLog(16),
    ...['httpbin', 'r404', 'r409', 'codes', 'gateway', 'timeout', 'waiting', 'nobody', 'raw', 'raw-timeout'].map(name =>
      stats(...clusterStats(name)),
    ),
    stats(...managerStats),
  ],
};

/** One connection, one pending request: the rest is refused. */
export const breakers: Scenario = {
  name: 'circuit breakers',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [route('/delay', 'small'), route('/status', 'requests'), route('/', 'other')],
      clusters: [
        cluster('small', [ports.httpbin], {
          circuit_breakers: { thresholds: [{ max_connections: 1, max_pending_requests: 1, track_remaining: true }] },
        }),
        cluster('requests', [ports.httpbin], { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }),
        cluster('other', [ports.httpbin]),
      ],
      manager: { access_log: [fileLog(log, flags)] },
    }),
  steps: [
    during(
      'four more while the one connection is busy: one waits, three are refused',
      request('/delay/0.6'),
      'cluster.small.upstream_rq_active',
      '1',
      Array.from({ length: 4 }, () => request('/delay/0')),
    ),
    request('/status/200'),
    request('/healthz', {}, 'another cluster answers'),
    stats(
      ...clusterStats('small'),
      'cluster.small.circuit_breakers.default.remaining_cx',
      'cluster.small.circuit_breakers.default.remaining_pending',
      'cluster.small.circuit_breakers.default.remaining_rq',
      'cluster.small.circuit_breakers.default.remaining_retries',
    ),
    stats(...clusterStats('requests')),
    stats(...clusterStats('other')),
    together(
      'and again, one by one, all are answered',
      Array.from({ length: 3 }, () => request('/delay/0')),
    ),
  ],
};
