/** What Envoy's guide to edge proxies advises: paths and headers that a host could read otherwise. */
import { data, end, get, headers, post } from '../frames.ts';
import { accessLog, type Ports, raw, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { frames, overHttp2 } from './http2.ts';

const log = '%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n';

const edge = (name: string, manager: Record<string, unknown>, steps: Step[], lines: number): Scenario => ({
  name,
  config: (ports: Ports, file: string) =>
    bootstrap(ports, file, {
      manager: { access_log: [fileLog(file, log)], upgrade_configs: [{ upgrade_type: 'CONNECT' }], ...manager },
      routes: [{ match: { connect_matcher: {} }, route: { cluster: 'raw' } }, route('/', 'raw')],
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    ...steps,
    stats(
      ...`downstream_rq_failed_path_normalization downstream_rq_redirected_with_normalized_path downstream_cx_protocol_error downstream_rq_4xx
      downstream_rq_3xx downstream_rq_2xx downstream_rq_total downstream_rq_tx_reset downstream_rq_rx_reset`
        .split(/\s+/)
        .map(one => `http.ingress.${one}`),
      'http1.requests_rejected_with_underscores_in_headers',
      'http1.dropped_headers_with_underscores',
      'http2.requests_rejected_with_underscores_in_headers',
      'http2.dropped_headers_with_underscores',
    ),
    accessLog(lines),
  ],
});

const paths: Step[] = [
  request('/a/b?c%2fd'),
  request('/a%2fb'),
  request('/a%2Fb%5Cc%5cd?e%2ff'),
  request('/a%252fb'),
  request('/a%2f..%2f..%2fb'),
  request('/a%2f%2fb'),
  request('/a%00%2fb'),
  request('/a%2fb', { headers: ['content-type: application/grpc'] }, 'gRPC'),
  request('/a%2fb', { method: 'POST', body: 'abc' }, 'with a body'),
  raw('CONNECT', 'CONNECT a%2fb:80 HTTP/1.1\r\nhost: a%2fb:80\r\n\r\n'),
  frames('by HTTP/2', [headers(1, get('/a%2fb'))]),
];
const escaped = (action: string, more: Record<string, unknown> = {}): Scenario =>
  edge(
    `escaped slashes: ${[action, ...Object.keys(more)].join(', ')}`,
    { path_with_escaped_slashes_action: action, ...more },
    paths,
    11,
  );

const underscores: Step[] = [
  request('/echo', { headers: ['x-a: b'] }),
  request('/echo', { headers: ['x_a: b', 'x-c: d', 'e_: f'] }),
  request('/echo', { method: 'POST', body: 'abc', headers: ['x_a: b'] }, 'with a body'),
  frames('by HTTP/2', [headers(1, get('/echo', 'x_a: b', 'x-c: d'))]),
  frames('by HTTP/2, with a body', [headers(1, post('/echo', 'x_a: b'), 0), data(1, 'abc', end)]),
  frames('by HTTP/2, one of two', [headers(1, get('/echo', 'x_a: b')), headers(3, get('/echo', 'x-a: b'))]),
];
const underscored = (action: string): Scenario =>
  edge(
    `underscores in headers: ${action}`,
    { common_http_protocol_options: { headers_with_underscores_action: action } },
    underscores,
    7,
  );

const hosts = (ports: Ports): string[] => [
  `a:${ports.listener}`,
  'a:80',
  'a',
  `[::1]:${ports.listener}`,
  '[::1]',
  'a.',
  `a.:${ports.listener}`,
];
const hostSteps: Step[] = [0, 1, 2, 3, 4, 5, 6].map(at => ({
  name: `a host, ${at}`,
  see: place => request('/echo', { host: hosts(place.ports)[at]! }).see(place),
}));
const stripped = (name: string, manager: Record<string, unknown>): Scenario => ({
  ...edge(`hosts: ${name}`, manager, [], 0),
  steps: [
    ...hostSteps,
    {
      name: 'CONNECT',
      see: place => raw('', `CONNECT a:${place.ports.listener} HTTP/1.1\r\nhost: a\r\n\r\n`, true).see(place),
    },
  ],
});

const ported = (name: string, manager: Record<string, unknown>): Scenario => ({
  name: `forwarded ports and schemes: ${name}`,
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [route('/two/', 'two', { prefix_rewrite: '/' }), route('/', 'raw')],
      clusters: [cluster('raw', [ports.raw]), cluster('two', [ports.http2], overHttp2)],
      manager: { append_x_forwarded_port: true, ...manager },
    }),
  steps: [
    request('/echo'),
    request('/echo', { headers: ['x-forwarded-port: 7', 'x-forwarded-proto: https'] }),
    request('/two/echo'),
    frames('HTTP/2', [headers(1, get('/two/echo'))]),
  ],
});

const forwardedPorts: Scenario[] = [
  ported('a remote address', { use_remote_address: true }),
  ported('a trusted hop', { use_remote_address: true, xff_num_trusted_hops: 1 }),
  ported('nobody is asked', {}),
  ported('another scheme', { scheme_header_transformation: { scheme_to_overwrite: 'https' } }),
  ported('the same scheme', {
    use_remote_address: true,
    scheme_header_transformation: { scheme_to_overwrite: 'http' },
  }),
];

export const edgeSettings: Scenario[] = [
  ...forwardedPorts,
  escaped('KEEP_UNCHANGED'),
  escaped('REJECT_REQUEST'),
  escaped('UNESCAPE_AND_REDIRECT', { normalize_path: true, merge_slashes: true }),
  escaped('UNESCAPE_AND_FORWARD'),
  escaped('UNESCAPE_AND_FORWARD', { normalize_path: true, merge_slashes: true }),
  underscored('ALLOW'),
  underscored('REJECT_REQUEST'),
  underscored('DROP_HEADER'),
  stripped('the port of the listener', { strip_matching_host_port: true }),
  stripped('a dot at the end', { strip_trailing_host_dot: true }),
  stripped('any port, and a dot', { strip_any_host_port: true, strip_trailing_host_dot: true }),
];
