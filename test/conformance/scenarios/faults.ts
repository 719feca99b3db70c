/** The fault filter. */
import { accessLog, type Place, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, modify, telling, typed } from './filters.ts';

const faultType = 'envoy.extensions.filters.http.fault.v3.HTTPFault';
const always = { numerator: 100 };

/** A step: how long another one takes, in classes of so many milliseconds. */
function timed(step: Step, slotMs: number): Step {
  return {
    name: `${step.name}: about as long`,
    see: async (place: Place) => {
      const startedAt = performance.now();
      await step.see(place);
      const slots = (performance.now() - startedAt) / slotMs;
      return slots >= 0.97 && slots < 2.2 ? `once ${slotMs} ms` : `${slots} times ${slotMs} ms`;
    },
  };
}

const faultStats = [
  'aborts_injected',
  'delays_injected',
  'response_rl_injected',
  'faults_overflow',
  'active_faults',
].map(name => `http.ingress.fault.${name}`);

export const faults: Scenario = {
  name: 'fault injection',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({
          name: 'fault',
          typed_config: typed(faultType, { abort: { http_status: 418, percentage: { numerator: 0 } } }),
        }),
        access_log: [fileLog(log, decisions)],
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          response_headers_to_add: [{ header: { key: 'x-level', value: 'host' } }],
          typed_per_filter_config: {
            fault: typed(faultType, {
              abort: { http_status: 410, percentage: always },
              headers: [{ name: 'x-by-host', present_match: true }],
            }),
          },
          routes: [
            telling('/abort', 'fault', typed(faultType, { abort: { http_status: 503, percentage: always } })),
            telling('/grpc-abort', 'fault', typed(faultType, { abort: { grpc_status: 5, percentage: always } })),
            telling('/delay', 'fault', typed(faultType, { delay: { fixed_delay: '0.3s', percentage: always } })),
            telling(
              '/both',
              'fault',
              typed(faultType, {
                delay: { fixed_delay: '0.2s', percentage: always },
                abort: { http_status: 500, percentage: always },
              }),
            ),
            telling('/never', 'fault', typed(faultType, { abort: { http_status: 503, percentage: { numerator: 0 } } })),
            telling('/no-percentage', 'fault', typed(faultType, { abort: { http_status: 503 } })),
            telling(
              '/by-header',
              'fault',
              typed(faultType, {
                abort: { header_abort: {}, percentage: always },
                delay: { header_delay: {}, percentage: always },
              }),
            ),
            telling(
              '/for-some',
              'fault',
              typed(faultType, {
                abort: { http_status: 503, percentage: always },
                headers: [{ name: 'x-user', string_match: { exact: 'tester' } }],
              }),
            ),
            telling(
              '/other-cluster',
              'fault',
              typed(faultType, { abort: { http_status: 503, percentage: always }, upstream_cluster: 'other' }),
            ),
            telling(
              '/this-cluster',
              'fault',
              typed(faultType, { abort: { http_status: 503, percentage: always }, upstream_cluster: 'httpbin' }),
            ),
            telling(
              '/for-node',
              'fault',
              typed(faultType, { abort: { http_status: 503, percentage: always }, downstream_nodes: ['canary'] }),
            ),
            telling(
              '/most',
              'fault',
              typed(faultType, { abort: { http_status: 503, percentage: always }, max_active_faults: 0 }),
            ),
            telling('/off', 'fault', typed('envoy.config.route.v3.FilterConfig', { disabled: true })),
            telling(
              '/wrapped',
              'fault',
              typed('envoy.config.route.v3.FilterConfig', {
                config: typed(faultType, { abort: { http_status: 429, percentage: always } }),
              }),
            ),
            telling('/retried', 'fault', typed(faultType, { abort: { http_status: 503, percentage: always } }), {
              retry_policy: { retry_on: '5xx', num_retries: 3 },
            }),
            telling(
              '/keyed',
              'fault',
              typed(faultType, {
                abort: { http_status: 503, percentage: { numerator: 0 } },
                abort_percent_runtime: 'own.abort',
                abort_http_status_runtime: 'own.status',
              }),
            ),
            {
              match: { prefix: '/slow' },
              route: { cluster: 'httpbin', prefix_rewrite: '/bytes/30000' },
              typed_per_filter_config: {
                fault: typed(faultType, {
                  response_rate_limit: { fixed_limit: { limit_kbps: 50 }, percentage: always },
                }),
              },
            },
            {
              name: 'direct',
              match: { prefix: '/direct' },
              direct_response: { status: 200, body: { inline_string: 'direct' } },
              typed_per_filter_config: { fault: typed(faultType, { abort: { http_status: 503, percentage: always } }) },
            },
            route('/get', 'httpbin'),
          ],
        },
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
      bootstrap: {
        admin: { address: address(ports.admin) },
        layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
      },
    }),
  steps: [
    request('/abort'),
    request('/abort', { method: 'HEAD' }),
    request('/abort', { method: 'POST', body: 'abc' }),
    request('/abort', { headers: ['content-type: application/grpc'] }),
    request('/grpc-abort'),
    request('/grpc-abort', { headers: ['content-type: application/grpc'] }),
    request('/delay'),
    timed(request('/delay', { method: 'POST', body: 'abc' }, 'a delay of 0.3 s'), 300),
    request('/both'),
    request('/never'),
    request('/no-percentage'),
    request('/by-header'),
    request('/by-header', { headers: ['x-envoy-fault-abort-request: 404'] }),
    request('/by-header', { headers: ['x-envoy-fault-abort-request: 99'] }),
    request('/by-header', {
      headers: ['x-envoy-fault-abort-request: 404', 'x-envoy-fault-abort-request-percentage: 0'],
    }),
    request('/by-header', { headers: ['x-envoy-fault-abort-grpc-request: 3', 'content-type: application/grpc'] }),
    timed(request('/by-header', { headers: ['x-envoy-fault-delay-request: 250'] }), 250),
    request('/for-some'),
    request('/for-some', { headers: ['x-user: tester'] }),
    request('/other-cluster'),
    request('/this-cluster'),
    request('/for-node'),
    request('/for-node', { headers: ['x-envoy-downstream-service-node: canary'] }),
    request('/most'),
    request('/off'),
    request('/wrapped'),
    request('/retried'),
    request('/keyed'),
    modify('own.abort=100'),
    request('/keyed', {}, 'a share by the runtime'),
    modify('own.status=404'),
    request('/keyed', {}, 'a status by the runtime'),
    modify('fault.http.abort.abort_percent=0'),
    request('/abort', {}, 'no aborts by the runtime'),
    timed(request('/slow', {}, 'a slow response'), 500),
    request('/direct'),
    request('/nowhere'),
    request('/get', { headers: ['x-by-host: 1'] }),
    request('/get'),
    stats(
      ...faultStats,
      'http.ingress.rq_total',
      'cluster.httpbin.upstream_rq_total',
      'cluster.httpbin.upstream_rq_retry',
      'http.ingress.downstream_rq_5xx',
    ),
    accessLog(36),
  ],
};
