/** How many bytes access logs tell of, on both sides. */
import { data, end, get, headers, post } from '../frames.ts';
import { accessLog, raw, request, type Scenario } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { typed } from './filters.ts';
import { frames, overHttp2 } from './http2.ts';

const kinds = ['WIRE', 'HEADER', 'DECOMPRESSED_HEADER'];
const sides = ['DOWNSTREAM', 'UPSTREAM'];
const operators = sides.flatMap(side =>
  kinds.flatMap(kind => ['RECEIVED', 'SENT'].map(way => `${side}_${kind}_BYTES_${way}`)),
);
const format = `%REQ(:PATH)% %RESPONSE_CODE% ${operators.map(name => `${name}=%${name}%`).join(' ')} %BYTES_RECEIVED% %BYTES_SENT% %REQUEST_HEADERS_BYTES% %RESPONSE_HEADERS_BYTES%
`;

/** Who compresses may do it in several ways; so does the host. */
const compressed = /(UPSTREAM_(?:WIRE|HEADER)_BYTES_\w+=)\d+/g;

const post1 = (path: string, ...lines: string[]) => `POST ${path} HTTP/1.1\r\nhost: a\r\n${lines.join('\r\n')}`;

export const wireBytes: Scenario = {
  name: 'bytes on the wire',
  config: (at, log) =>
    bootstrap(at, log, {
      manager: {
        access_log: [fileLog(log, format)],
        http_filters: [
          {
            name: 'router',
            typed_config: typed('envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
          },
        ],
      },
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'said' } } },
        route('/two', 'two', { prefix_rewrite: '' }),
        route('/gone', 'gone', { retry_policy: { retry_on: 'connect-failure', num_retries: 1 } }),
        route('/disconnect', 'raw', { retry_policy: { retry_on: 'reset', num_retries: 2 } }),
        route('/', 'raw'),
      ],
      clusters: [cluster('raw', [at.raw]), cluster('gone', [1]), cluster('two', [at.http2], overHttp2)],
    }),
  steps: [
    request('/direct'),
    request('/direct', { method: 'HEAD', headers: ['x-a: b', 'x-a:c', 'x-b:    d  '] }),
    request('/none'),
    request('/no-content', { headers: ['connection: keep-alive'] }),
    request('/http10'),
    request(
      `/say?${encodeURIComponent(JSON.stringify({ lines: ['transfer-encoding: chunked'], pieces: ['5\r\nhello\r\n0\r\n\r\n'] }))}`,
    ),
    request('/early-hints'),
    request('/echo-body', { method: 'POST', body: 'hello' }),
    raw('chunks', post1('/echo-body', 'transfer-encoding: chunked', '', '5;x=y\r\nhello\r\n0\r\nx-late: 1\r\n\r\n')),
    raw('a body that is expected', post1('/echo-body', 'expect: 100-continue', 'content-length: 2', '', 'ab')),
    raw('two at once', 'GET /direct HTTP/1.1\r\nhost: a\r\n\r\nGET /direct HTTP/1.1\r\nhost: a\r\nx-second: 1\r\n\r\n'),
    raw('empty lines before', '\r\n\r\nGET /direct HTTP/1.1\r\nhost: a\r\n\r\n'),
    raw('no request', 'GET\r\n\r\n'),
    request('/gone'),
    request('/disconnect'),
    request('/truncated'),
    request('/two/echo-body', { method: 'POST', body: 'hello' }),
    frames('HTTP/2', [headers(1, get('/direct', 'x-a: b'))]),
    frames('HTTP/2 with a body', [
      headers(1, post('/two/echo-body', 'x-a: b'), 0),
      data(1, 'hello'),
      data(1, 'more', end),
    ]),
    frames('HTTP/2 with trailers', [
      headers(1, post('/two/trailers'), 0),
      data(1, 'hello'),
      headers(1, ['x-late: yes']),
    ]),
    accessLog(21, line =>
      line
        .replace(/((?:DOWNSTREAM|UPSTREAM)_\w+=0 )+/g, '')
        .replace(line.startsWith('/two') ? compressed : /^$/, '$1<bytes>'),
    ),
  ],
};
