/** How answers of the proxy itself are mapped: local_reply_config. */
import { accessLog, raw, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';

type Json = Record<string, unknown>;

const status = (op: string, value: number): Json => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: 'a' } } },
});
const header = (name: string): Json => ({ header_filter: { header: { name, present_match: true } } });
const text = (format: string, more: Json = {}): Json => ({
  text_format_source: { inline_string: format },
  ...more,
});

const direct = (path: string, code: number, body: string): Json => ({
  match: { prefix: path },
  direct_response: { status: code, body: { inline_string: body } },
});

const mappers: Json[] = [
  {
    filter: header('x-status'),
    status_code: 418,
    headers_to_add: [
      { header: { key: 'x-mapped', value: '%RESPONSE_CODE% %REQ(x-status)% %LOCAL_REPLY_BODY% %RESP(:status)%' } },
      { header: { key: 'x-mapped', value: 'more' } },
    ],
  },
  { filter: header('x-body'), body: { inline_string: 'another bödy' } },
  { filter: header('x-empty'), body: { inline_string: '' } },
  {
    filter: header('x-json'),
    body: { inline_string: 'a "quoted" body' },
    body_format_override: {
      json_format: {
        code: '%RESPONSE_CODE%',
        body: '%LOCAL_REPLY_BODY%',
        path: '%REQ(:PATH)%',
        none: '%REQ(x-none)%',
        inner: { details: '%RESPONSE_CODE_DETAILS%', list: ['%RESPONSE_FLAGS%', 1] },
      },
    },
  },
  {
    filter: header('x-page'),
    body_format_override: text('<p>%LOCAL_REPLY_BODY% by %REQ(x-none)%</p>', {
      content_type: 'text/html; charset=UTF-8',
    }),
  },
  { filter: header('x-type'), headers_to_add: [{ header: { key: 'content-type', value: 'text/own' } }] },
  {
    filter: header('x-type-set'),
    headers_to_add: [
      { header: { key: 'content-type', value: 'text/own' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
    ],
  },
  {
    filter: { and_filter: { filters: [status('EQ', 503), { response_flag_filter: { flags: ['UF'] } }] } },
    status_code: 504,
    body: { inline_string: 'nobody there' },
  },
  { filter: status('EQ', 301), headers_to_add: [{ header: { key: 'x-redirected', value: '%RESP(location)%' } }] },
  { filter: status('EQ', 504), status_code: 200, body: { inline_string: 'never after the one before' } },
];

const parts = (at: { httpbin: number }, log: string, reply: Json) => ({
  manager: {
    access_log: [
      fileLog(log, '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %BYTES_SENT% %LOCAL_REPLY_BODY%|\n'),
    ],
    local_reply_config: reply,
  },
  routeConfiguration: {
    response_headers_to_add: [
      { header: { key: 'x-route', value: '%RESPONSE_CODE% %RESP(:status)% %RESP(content-type)%' } },
    ],
  },
  routes: [
    route('/get', 'httpbin'),
    route('/status', 'httpbin'),
    route('/gone', 'gone'),
    direct('/direct', 200, 'said'),
    direct('/silent', 204, ''),
    {
      ...direct('/typed', 400, '<b>'),
      response_headers_to_add: [{ header: { key: 'content-type', value: 'text/html' } }],
    },
    { match: { prefix: '/moved' }, redirect: { path_redirect: '/elsewhere' } },
  ],
  clusters: [cluster('httpbin', [at.httpbin]), cluster('gone', [1])],
});

const asks = (name: string) => [
  request('/direct', { headers: [name] }),
  request('/typed', { headers: [name] }),
  request('/nothing', { headers: [name] }),
  request('/direct', { method: 'HEAD', headers: [name] }),
  request('/direct', { headers: [name, 'content-type: application/grpc'] }),
];

const all = [
  ...asks('x-none: 1'),
  ...asks('x-status: 1'),
  ...asks('x-body: 1'),
  ...asks('x-empty: 1'),
  ...asks('x-json: 1'),
  ...asks('x-page: 1'),
  ...asks('x-type: 1'),
  ...asks('x-type-set: 1'),
  request('/gone'),
  request('/gone', { headers: ['content-type: application/grpc'] }),
  request('/moved'),
  request('/silent', { headers: ['x-body: 1'] }),
  request('/status/503', { headers: ['x-status: 1'] }),
  raw('no host', 'GET /direct HTTP/1.1\r\nx-status: 1\r\n\r\n'),
  raw('no request', 'GET\r\n\r\n'),
  raw('too much', `GET /direct HTTP/1.1\r\nhost: a\r\nx-status: ${'x'.repeat(70_000)}\r\n\r\n`),
];

export const mappedReplies: Scenario[] = [
  {
    name: 'local replies that are mapped',
    config: (at, log) => bootstrap(at, log, parts(at, log, { mappers })),
    steps: [
      ...all,
      stats('http.ingress.downstream_rq_2xx', 'http.ingress.downstream_rq_4xx', 'http.ingress.downstream_rq_5xx'),
      accessLog(all.length),
    ],
  },
  {
    name: 'local replies in a format',
    config: (at, log) =>
      bootstrap(
        at,
        log,
        parts(at, log, { mappers, body_format: text('%LOCAL_REPLY_BODY%: %RESPONSE_CODE%: %REQ(:PATH)%\n') }),
      ),
    steps: [...all, accessLog(all.length)],
  },
  {
    name: 'local replies as JSON',
    config: (at, log) =>
      bootstrap(
        at,
        log,
        parts(at, log, {
          body_format: {
            json_format: { body: '%LOCAL_REPLY_BODY%', code: '%RESPONSE_CODE%' },
            content_type: 'application/problem+json',
            omit_empty_values: true,
          },
        }),
      ),
    steps: [...asks('x-none: 1'), request('/moved'), request('/silent'), raw('no request', 'GET\r\n\r\n')],
  },
];
