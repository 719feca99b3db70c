/** What HTTP/1 may be told to take and to write, with clients and with hosts. */
import { data, get, headers, post } from '../frames.ts';
import { accessLog, raw, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { frames, overHttp2, speaks } from './http2.ts';

type Json = Record<string, unknown>;

const log = '%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n';
const counters =
  `http.ingress.downstream_cx_protocol_error http.ingress.downstream_rq_non_relative_path http.ingress.downstream_cx_http1_total
http.ingress.downstream_rq_http1_total http.ingress.downstream_rq_4xx`.split(/\s+/);

interface Options {
  /** With clients. */
  client?: Json;
  /** With hosts. */
  host?: Json;
  manager?: Json;
}

/** @param lines of the access log; 0: neither it nor statistics are compared */
const speaking = (
  name: string,
  { client = {}, host = {}, manager = {} }: Options,
  steps: Step[],
  lines: number,
): Scenario => ({
  name: `HTTP/1: ${name}`,
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'hi' } } },
        route('/two/', 'two', { prefix_rewrite: '/' }),
        route('/down/', 'down', { prefix_rewrite: '/' }),
        route('/plain/', 'plain', { prefix_rewrite: '/' }),
        { ...route('/', 'raw'), request_headers_to_add: [{ header: { key: 'X-Added', value: 'a' } }] },
      ],
      clusters: [
        cluster('raw', [ports.raw], speaks({ explicit_http_config: { http_protocol_options: host } })),
        cluster('plain', [ports.raw]),
        cluster('two', [ports.http2], overHttp2),
        cluster('down', [ports.raw], speaks({ use_downstream_protocol_config: { http_protocol_options: host } })),
      ],
      manager: { access_log: [fileLog(file, log)], http_protocol_options: client, ...manager },
    }),
  steps: lines === 0 ? steps : [...steps, stats(...counters), accessLog(lines)],
});

/** A step: a request in HTTP/1.0, and whether the connection is then closed: after answers of its own Envoy waits before it does. */
const old = (name: string, path: string, ...lines: string[]): Step =>
  raw(name, [`GET ${path} HTTP/1.0`, ...lines, '', ''].join('\r\n'), !path.startsWith('/direct') && lines.length === 1);

const say = (lines: string[], pieces: string[] = []): string =>
  `/say?${encodeURIComponent(JSON.stringify({ lines, pieces }))}`;

const older: Step[] = [
  old('HTTP/1.0', '/echo', 'host: a'),
  old('HTTP/1.0 that is kept', '/echo', 'host: a', 'connection: keep-alive'),
  old('HTTP/1.0 that is kept, in capitals', '/echo', 'host: a', 'Connection: Keep-Alive'),
  old('HTTP/1.0 that is closed', '/echo', 'host: a', 'connection: close'),
  old('HTTP/1.0 without a host', '/echo'),
  old('a body of unknown length', '/chunks', 'host: a'),
  old('a body of unknown length, to be kept', '/chunks', 'host: a', 'connection: keep-alive'),
  old('an answer of our own', '/direct', 'host: a'),
  old('an answer of our own, to be kept', '/direct', 'host: a', 'connection: keep-alive'),
  old('a host of HTTP/2', '/two/echo', 'host: a'),
  old('nothing in answer', '/no-content', 'host: a', 'connection: keep-alive'),
  raw('HEAD', 'HEAD /chunks HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n'),
  raw('a body', 'POST /echo-body HTTP/1.0\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc'),
  raw(
    'two requests',
    'GET /direct HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\nGET /direct HTTP/1.1\r\nhost: a\r\n\r\n',
  ),
  raw(
    'two requests where one may be',
    'GET /direct HTTP/1.0\r\nhost: a\r\n\r\nGET /direct HTTP/1.0\r\nhost: a\r\n\r\n',
  ),
  raw('HTTP/1.1 without a host', 'GET /direct HTTP/1.1\r\n\r\n'),
  old('early hints', '/early-hints', 'host: a'),
  old('an upgrade', '/websocket', 'host: a', 'connection: upgrade', 'upgrade: websocket'),
  old('proxy-connection', '/direct', 'host: a', 'connection: keep-alive', 'proxy-connection: close'),
];

/** What could be read in two ways. */
const laxOlder: Step[] = [
  raw(
    'a body in chunks',
    'POST /echo-body HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ),
  raw('a line without a version', 'GET /direct\r\n\r\n'),
  raw('HTTP/1.2', 'GET /direct HTTP/1.2\r\nhost: a\r\n\r\n'),
];

const errors: Step[] = [
  raw('no host', 'GET /direct HTTP/1.1\r\n\r\n', true),
  raw('a fragment', 'GET /direct#a HTTP/1.1\r\nhost: a\r\n\r\n', true),
  raw('a bad header', 'GET /direct HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n'),
  raw('too large a head', `GET /direct HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`),
  raw('no host, and a body', 'POST /direct HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc'),
  raw('no host, then another', 'GET /direct HTTP/1.1\r\n\r\nGET /direct HTTP/1.1\r\nhost: a\r\n\r\n'),
  raw('no host, told to close', 'GET /direct HTTP/1.1\r\nconnection: close\r\n\r\n'),
];

const errorsOfHttp2: Step[] = [
  frames('HTTP/2: a bad header', [headers(1, get('/direct', 'x y: z')), headers(3, get('/direct'))]),
  frames('HTTP/2: a path that is none', [headers(1, get('x'))]),
];

const trailing: Step[] = [
  raw(
    'trailers of a request',
    'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Late: yes\r\nx-later: a\r\n\r\n',
  ),
  raw(
    'to a host that takes none',
    'POST /plain/echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Late: yes\r\n\r\n',
  ),
  raw(
    'to a host of HTTP/2',
    'POST /two/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Late: yes\r\n\r\n',
  ),
  raw(
    'trailers alone',
    'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nX-Late: yes\r\n\r\n',
  ),
  raw('no trailers', 'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
  raw(
    'a bad trailer',
    'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx y: z\r\n\r\n',
  ),
  raw(
    'an underscore in a trailer',
    'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx_y: z\r\n\r\n',
  ),
  request(
    say(['transfer-encoding: chunked'], ['3\r\nabc\r\n0\r\nX-Trailer: yes\r\n\r\n']),
    {},
    'trailers of a response',
  ),
  request(say(['transfer-encoding: chunked'], ['0\r\nX-Trailer: yes\r\n\r\n']), {}, 'trailers of a response alone'),
  request(say(['transfer-encoding: chunked'], ['3\r\nabc\r\n0\r\nx y: z\r\n\r\n']), {}, 'bad trailers of a response'),
  request(
    `/plain${say(['transfer-encoding: chunked'], ['3\r\nabc\r\n0\r\nX-Trailer: yes\r\n\r\n'])}`,
    {},
    'trailers of a host that may send none',
  ),
  request('/two/trailers', {}, 'trailers of a host of HTTP/2'),
  old('trailers to HTTP/1.0', '/two/trailers', 'host: a', 'x-a: b'),
  frames('a client of HTTP/2', [headers(1, post('/echo-body'), 0), data(1, 'abc'), headers(1, ['x-late: yes'])]),
  frames('trailers to a client of HTTP/2', [
    headers(1, get(say(['transfer-encoding: chunked'], ['3\r\nabc\r\n0\r\nX-Trailer: yes\r\n\r\n']))),
  ]),
];

/** Where whoever takes them for headers finds another message. */
const laxTrailing: Step[] = [
  raw(
    'a length as a trailer',
    'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\ncontent-length: 4\r\n\r\n',
  ),
  raw(
    'a coding as a trailer',
    'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\ntransfer-encoding: chunked\r\n\r\n',
  ),
  raw(
    'a host as a trailer',
    'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nhost: b\r\n\r\n',
  ),
];
const manyTrailers: Step = raw(
  'many trailers',
  `POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n${Array.from({ length: 110 }, (_, i) => `x-${i}: a\r\n`).join('')}\r\n`,
);

const named: Step[] = [
  request('/echo', { headers: ['X-Upper-CASE: a', 'x-lower: b', 'X_under_score: c', 'x--two: d', 'X-Upper-Case: e'] }),
  request('/plain/echo', { headers: ['X-Upper-CASE: a', 'x-lower: b'] }),
  request('/case'),
  request('/plain/case'),
  request('/direct'),
  request('/early-hints'),
  request('/two/echo', { headers: ['X-Upper-CASE: a'] }),
  request('/echo', { method: 'POST', body: 'abc', headers: ['X-Upper-CASE: a'] }),
  raw(
    'a body in chunks',
    'POST /echo-body HTTP/1.1\r\nHOST: a\r\nTRANSFER-encoding: chunked\r\nX-A: b\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ),
  raw('a host in capitals', 'GET /echo HTTP/1.1\r\nHOST: a\r\nUser-AGENT: b\r\nX-Request-ID: c\r\n\r\n'),
  raw('no host', 'GET /echo HTTP/1.1\r\n\r\n'),
  request('/status-only'),
  request('/chunks'),
  frames('a client of HTTP/2', [headers(1, get('/echo', 'x-a: b'))]),
  frames('a response to HTTP/2', [headers(1, get('/case'))]),
];
const preserve = (more: Json = {}): Json => ({
  header_key_format: {
    stateful_formatter: {
      name: 'preserve_case',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
        ...more,
      },
    },
  },
});
const proper = { header_key_format: { proper_case_words: {} } };

const targets: Step[] = [
  request('/echo'),
  request('http://a.com/echo', { host: 'b' }),
  request('http://a.com', { host: 'b' }),
  request('*', { method: 'OPTIONS' }),
  request('/echo?a=http://b'),
  request('/down/echo'),
  frames('by HTTP/2', [headers(1, get('/echo'))]),
  request('/echo', { headers: ['x-forwarded-proto: https'] }),
];
const methods: Step[] = [
  request('/echo', { method: 'FROB' }),
  request('/echo', { method: 'get' }),
  request('/two/echo', { method: 'FROB' }),
  request('/echo', { method: "A!#$%&'*+-.^_`|~z9", body: 'abc' }),
  raw('a method that is no token', 'G(T /echo HTTP/1.1\r\nhost: a\r\n\r\n'),
  raw('a long method', `${'A'.repeat(300)} /echo HTTP/1.1\r\nhost: a\r\n\r\n`, true),
  raw('PRI', 'PRI /echo HTTP/1.1\r\nhost: a\r\n\r\n', true),
];

export const http1Options: Scenario[] = [
  speaking('HTTP/1.0', { client: { accept_http_10: true } }, older, 20),
  speaking(
    'HTTP/1.0 to a host that is stated',
    { client: { accept_http_10: true, default_host_for_http_10: 'old.com' } },
    older,
    20,
  ),
  speaking(
    'HTTP/1.0 that only Envoy takes',
    { client: { accept_http_10: true, default_host_for_http_10: 'old.com' } },
    laxOlder,
    0,
  ),
  speaking(
    'bad messages that end streams',
    { client: { override_stream_error_on_invalid_http_message: true } },
    errors,
    8,
  ),
  speaking(
    'bad messages that end streams, in both versions',
    { manager: { stream_error_on_invalid_http_message: true } },
    [...errors, ...errorsOfHttp2],
    11,
  ),
  speaking(
    'bad messages that end connections of HTTP/1',
    {
      manager: { stream_error_on_invalid_http_message: true },
      client: { override_stream_error_on_invalid_http_message: false },
    },
    [raw('no host', 'GET /direct HTTP/1.1\r\n\r\n'), ...errorsOfHttp2],
    4,
  ),
  speaking(
    'trailers',
    { client: { enable_trailers: true, accept_http_10: true }, host: { enable_trailers: true } },
    [...trailing, manyTrailers],
    16,
  ),
  speaking('trailers of clients', { client: { enable_trailers: true } }, [...trailing, manyTrailers], 16),
  speaking('trailers of hosts', { host: { enable_trailers: true } }, trailing, 15),
  speaking(
    'trailers that only Envoy takes',
    { client: { enable_trailers: true }, host: { enable_trailers: true } },
    laxTrailing,
    0,
  ),
  speaking('names in proper case', { client: proper, host: proper }, named, 15),
  speaking('names as they came', { client: preserve(), host: preserve() }, named, 15),
  speaking(
    'names and reasons as they came',
    {
      client: preserve({ forward_reason_phrase: true }),
      host: preserve({ forward_reason_phrase: true, formatter_type_on_envoy_headers: 'PROPER_CASE' }),
    },
    named,
    15,
  ),
  speaking(
    'names of clients as they came',
    { client: preserve({ formatter_type_on_envoy_headers: 'PROPER_CASE' }) },
    named,
    15,
  ),
  speaking('whole URLs to hosts', { host: { send_fully_qualified_url: true } }, targets, 8),
  speaking('no whole URLs of clients', { client: { allow_absolute_url: false } }, targets, 8),
  speaking('methods of any name', { client: { allow_custom_methods: true } }, methods, 7),
];
