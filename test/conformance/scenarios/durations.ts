/** How long a stream may take as a whole, by configuration and by what gRPC asks for. */
import { data, end, headers, post } from '../frames.ts';
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { frames, overHttp2, speaks } from './http2.ts';

const slowGrpc = (path: string, timeout?: string) => [
  headers(
    1,
    post(path, 'content-type: application/grpc', ...(timeout === undefined ? [] : [`grpc-timeout: ${timeout}`])),
    0,
  ),
  data(1, 'x', end),
];
const patient = { quietMs: 900 };
const log =
  '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %REQ(GRPC-TIMEOUT)%\n';

export const durations: Scenario = {
  name: 'how long streams may take',
  config: (ports, file) => {
    const slow = (prefix: string, max: Record<string, unknown>, more: Record<string, unknown> = {}) =>
      route(prefix, 'two', { prefix_rewrite: '/silent', timeout: '0s', max_stream_duration: max, ...more });
    return bootstrap(ports, file, {
      routes: [
        slow('/short', { max_stream_duration: '0.3s' }),
        slow('/grpc-any', { grpc_timeout_header_max: '0s' }),
        slow('/grpc-most', { grpc_timeout_header_max: '0.3s' }),
        slow('/grpc-offset', { grpc_timeout_header_max: '10s', grpc_timeout_header_offset: '0.1s' }),
        slow('/both', { max_stream_duration: '0.3s', grpc_timeout_header_max: '10s' }),
        slow('/route-timeout', { max_stream_duration: '5s' }, { timeout: '0.3s' }),
        route('/cut', 'two', { prefix_rewrite: '/endless', max_stream_duration: { max_stream_duration: '0.3s' } }),
        route('/echo', 'two', { max_stream_duration: { grpc_timeout_header_max: '1s' } }),
        route('/of-cluster', 'short', { prefix_rewrite: '/silent', timeout: '0s' }),
        route('/of-manager', 'two', { prefix_rewrite: '/silent', timeout: '0s' }),
        route('/', 'two'),
      ],
      clusters: [
        cluster('two', [ports.http2], overHttp2),
        cluster(
          'short',
          [ports.http2],
          speaks({
            explicit_http_config: { http2_protocol_options: {} },
            common_http_protocol_options: { max_stream_duration: '0.3s' },
          }),
        ),
      ],
      manager: {
        access_log: [fileLog(file, log)],
        common_http_protocol_options: { max_stream_duration: '0.5s' },
      },
    });
  },
  steps: [
    request('/short'),
    request('/short', { method: 'POST', body: 'x' }),
    frames('gRPC without a wish', slowGrpc('/short'), patient),
    frames('a wish that is not asked for', slowGrpc('/short', '100m'), patient),
    frames('a wish', slowGrpc('/grpc-any', '200m'), patient),
    frames('a wish of nothing', slowGrpc('/grpc-any', '0m'), patient),
    frames('a wish that is too long', slowGrpc('/grpc-most', '60S'), patient),
    frames('a wish that is none', slowGrpc('/grpc-most', 'soon'), patient),
    frames('a wish, and less', slowGrpc('/grpc-offset', '400m'), patient),
    frames('no wish where one counts', slowGrpc('/both'), patient),
    frames('a wish in seconds', slowGrpc('/both', '1S'), { quietMs: 1500 }),
    request('/route-timeout'),
    request('/cut'),
    frames('a response that has begun', [headers(1, post('/cut'))], patient),
    request('/echo'),
    request('/of-cluster'),
    request('/of-manager'),
    frames('a request that never ends', [headers(1, post('/short'), 0)], patient),
    stats(
      'http.ingress.downstream_rq_max_duration_reached',
      'cluster.short.upstream_rq_max_duration_reached',
      'cluster.two.upstream_rq_max_duration_reached',
      'cluster.short.upstream_rq_timeout',
      'cluster.two.upstream_rq_timeout',
      'http.ingress.downstream_rq_timeout',
    ),
    accessLog(18),
  ],
};
