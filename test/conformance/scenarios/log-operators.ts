/** Operators of access logs, each with its name before what it prints. */
import { accessLog, raw, request, type Scenario, type Step } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, modify, typed } from './filters.ts';

type Json = Record<string, unknown>;

const operators = `UPSTREAM_HOST_NAME UPSTREAM_HOST_NAME_WITHOUT_PORT LISTENER_NAME
DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_PORT
DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_PORT
UPSTREAM_PROTOCOL UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAMES_ATTEMPTED
UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_CONNECTION_IDS_ATTEMPTED
PATH PATH(NQ) PATH(WQ) PATH(WQ:ORIG) PATH(NQ:PATH) PATH(WQ:ORIG_OR_PATH) QUERY_PARAM(a) QUERY_PARAM(b) QUERY_PARAMS
GRPC_STATUS GRPC_STATUS(CAMEL_STRING) GRPC_STATUS(SNAKE_STRING) GRPC_STATUS(NUMBER) GRPC_STATUS_NUMBER
FILTER_STATE(a) UPSTREAM_FILTER_STATE(a) VIRTUAL_CLUSTER_NAME
REQUEST_HEADER(x-a) RESPONSE_HEADER(content-type) RESPONSE_TRAILER(x-a) UNIQUE_ID`.split(/\s+/);

const format = `${operators.map(name => `${name.replaceAll('%', '')}=%${name}%`).join(' ')}\n`;
const ports = (line: string): string =>
  line
    .replace(/127\.0\.0\.1:\d+/g, '<host>')
    .replace(/(PORT=)\d{3,}(?!\.)/g, '$1<port>')
    .replace(/(UNIQUE_ID=)[0-9a-f-]{36}/g, '$1<id>')
    .replace(/(IDS_ATTEMPTED=)[\d,]+/g, '$1<ids>');

/** One operator a line, for each line of the log. */
const perOperator = (lines: number): Step => ({
  name: 'the access log',
  see: async place =>
    ((await accessLog(lines, ports).see(place)) as string[]).map(line => line.split(/ (?=[A-Z_0-9]+(?:\([^)]*\))?=)/)),
});

/** A call of gRPC whose caller leaves before the answer. */
const leftEarly = raw(
  'a caller that leaves',
  'GET /silent HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\n\r\n',
  false,
  300,
);

export const logOperators: Scenario = {
  name: 'operators of access logs',
  config: (at, log) =>
    bootstrap(at, log, {
      manager: {
        access_log: [fileLog(log, format)],
        use_remote_address: true,
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          metadata: { filter_metadata: { a: { key: 'host' } } },
          routes: [
            {
              ...route('/get', 'httpbin', { prefix_rewrite: '/get?rewritten=1' }),
              metadata: { filter_metadata: { a: { key: 'route', list: [1, true] } } },
            },
            route('/gone', 'gone', { retry_policy: { retry_on: 'connect-failure', num_retries: 2 } }),
            { match: { prefix: '/direct' }, direct_response: { status: 418, body: { inline_string: 'a teapot' } } },
            route('/echo', 'raw'),
            route('/silent', 'raw'),
            route('/post', 'httpbin'),
          ],
        },
      ],
      clusters: [
        {
          ...cluster('httpbin', []),
          metadata: { filter_metadata: { a: { key: 'cluster' } } },
          load_assignment: {
            cluster_name: 'httpbin',
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: { address: address(at.httpbin), hostname: 'named.example' },
                    metadata: { filter_metadata: { a: { key: 'endpoint' } } },
                  },
                ],
              },
            ],
          },
        },
        cluster('gone', [1]),
        cluster('raw', [at.raw]),
      ] as Json[],
    }),
  steps: [
    request('/get?a=1&b=%20x', { headers: ['x-a: b'] }),
    request('/post', { method: 'POST', body: 'some body', headers: ['x-forwarded-for: 10.0.0.1'] }),
    request('/gone?x'),
    request('/direct'),
    request('/none', { headers: ['content-type: application/grpc'] }),
    request('/echo/it'),
    raw('bad', 'GET\r\n\r\n'),
    leftEarly,
    perOperator(8),
  ],
};

const filtered = (log: string, name: string, filter: Json): Json => ({
  ...fileLog(log, `${name} %REQ(:PATH)% %GRPC_STATUS(NUMBER)%\n`),
  filter,
});
const text = (key: string, more: Json = {}): Json => ({
  metadata_filter: {
    matcher: { filter: 'a', path: [{ key }], value: { string_match: { exact: 'ada' } } },
    ...more,
  },
});

export const logFilters: Scenario = {
  name: 'filters of access logs',
  config: (at, log) =>
    bootstrap(at, log, {
      manager: {
        ...chain({
          name: 'metadata',
          typed_config: typed('envoy.extensions.filters.http.header_to_metadata.v3.Config', {
            request_rules: [{ header: 'x-text', on_header_present: { metadata_namespace: 'a', key: 'text' } }],
          }),
        }),
        access_log: [
          filtered(log, 'unimplemented', { grpc_status_filter: { statuses: ['UNIMPLEMENTED', 'OK'] } }),
          filtered(log, 'known', { grpc_status_filter: { statuses: ['UNKNOWN'], exclude: true } }),
          filtered(log, 'ada', text('text')),
          filtered(log, 'ada alone', text('text', { match_if_key_not_found: false })),
          filtered(log, 'anything', { metadata_filter: {} }),
          filtered(log, 'nothing', { metadata_filter: { match_if_key_not_found: false } }),
          filtered(log, 'end', { log_type_filter: { types: ['DownstreamEnd'] } }),
          filtered(log, 'no end', { log_type_filter: { types: ['DownstreamEnd'], exclude: true } }),
        ],
      },
      routes: [route('/get', 'httpbin'), route('/status', 'httpbin'), route('/silent', 'raw')],
      clusters: [cluster('httpbin', [at.httpbin]), cluster('raw', [at.raw])],
    }),
  steps: [
    request('/get'),
    request('/get', { headers: ['x-text: ada'] }),
    request('/get', { headers: ['x-text: bob'] }),
    request('/none', { headers: ['content-type: application/grpc'] }),
    request('/none'),
    request('/status/503'),
    request('/get', { headers: ['content-type: application/grpc'] }),
    leftEarly,
    accessLog(35),
  ],
};

/** A request's id whose first digits are this number. */
const id = (number: number): string =>
  `x-request-id: ${number.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;

const sampled = (numerator: number, more: Json = {}): Json => ({
  runtime_filter: { runtime_key: 'logged', percent_sampled: { numerator }, ...more },
});

export const sampledLogs: Scenario = {
  name: 'access logs of some requests',
  config: (at, log) =>
    bootstrap(at, log, {
      manager: {
        access_log: [
          filtered(log, 'half', sampled(50)),
          filtered(
            log,
            'of ten thousand',
            sampled(0, { percent_sampled: { numerator: 60, denominator: 'TEN_THOUSAND' } }),
          ),
          filtered(log, 'all by chance', sampled(100, { runtime_key: 'other', use_independent_randomness: true })),
        ],
        preserve_external_request_id: true,
        use_remote_address: true,
        local_reply_config: { mappers: [{ filter: sampled(50), status_code: 299 }] },
      },
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'a' } } }],
      clusters: [],
      bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
    }),
  steps: [
    request('/49', { headers: [id(49)] }),
    request('/50', { headers: [id(50)] }),
    request('/10059', { headers: [id(10_059)] }),
    modify('logged=100'),
    request('/more', { headers: [id(75)] }),
    accessLog(10),
  ],
};
