import { accessLog, raw, request, type Scenario, stats, together } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';

/** What a request and its answer look like after the proxy, and what is refused. */
export const headers: Scenario = {
  name: 'headers of requests and answers',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [route('/', 'raw')],
      clusters: [cluster('raw', [ports.raw])],
      manager: { delayed_close_timeout: '0.1s' },
    }),
  steps: [
    request('/echo'),
    request('/echo', { method: 'HEAD' }),
    request('/echo', { method: 'OPTIONS' }),
    request('/echo?a=b&c=%20d'),
    request('/echo-body', { method: 'POST', body: 'hello' }),
    request('/echo-body', { method: 'PUT', body: 'x'.repeat(100_000) }, 'PUT a long body'),
    request('/echo', { headers: ['X-Mixed-Case: Yes', 'x-twice: a', 'x-twice: b', 'cookie: a=b', 'cookie: c=d'] }),
    request('/echo', { headers: ['x-empty:', 'x-space:   padded   '] }),
    request('/echo', { headers: ['x-request-id: mine'] }),
    request('/echo', { headers: ['x-forwarded-for: 1.2.3.4', 'x-forwarded-proto: https', 'x-forwarded-host: a'] }),
    request('/echo', {
      headers: ['connection: keep-alive, x-hop', 'x-hop: 1', 'keep-alive: timeout=5', 'te: trailers, gzip'],
    }),
    request('/echo', { headers: ['proxy-connection: keep-alive', 'upgrade: h2c', 'proxy-authorization: a'] }),
    request('/echo', { headers: ['expect: 100-continue'], method: 'POST', body: 'a' }),
    request('/echo', {
      headers: ['user-agent: me', 'accept: */*', 'x-envoy-internal: true', 'x-envoy-external-address: 9.9.9.9'],
    }),
    request(
      '/echo',
      {
        headers: [
          'x-envoy-retry-on: 5xx',
          'x-envoy-max-retries: 3',
          'x-envoy-upstream-rq-timeout-ms: 10',
          'x-envoy-expected-rq-timeout-ms: 11',
          'x-envoy-force-trace: 1',
          'x-envoy-original-path: /a',
          'x-envoy-decorator-operation: a',
          'x-envoy-attempt-count: 7',
          'x-envoy-hedge-on-per-try-timeout: true',
          'x-envoy-upstream-rq-per-try-timeout-ms: 5',
          'x-envoy-upstream-alt-stat-name: a',
          'x-envoy-ip-tags: a',
          'x-envoy-downstream-service-cluster: a',
        ],
      },
      'headers for proxies from outside',
    ),
    request('/chunks'),
    request('/until-close'),
    request('/http10'),
    request('/continue'),
    request('/early-hints'),
    request('/case'),
    request('/own'),
    request('/no-content'),
    request('/not-modified'),
    request('/connection'),
    request('/echo', { headers: ['connection: close'], close: true }),
    raw('HTTP/1.0', 'GET /echo HTTP/1.0\r\nhost: a\r\n\r\n', true),
    raw('HTTP/1.0 with keep-alive', 'GET /echo HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n', true),
    raw('an absolute URL', 'GET http://other.com/echo?x=1 HTTP/1.1\r\nhost: a\r\n\r\n'),
    raw('a port in the host', 'GET /echo HTTP/1.1\r\nHost: a:1234\r\n\r\n'),
    raw(
      'chunks from the client',
      'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n',
    ),
    raw(
      'trailers from the client',
      'POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-t: 1\r\n\r\n',
    ),
    together('two requests on one connection are both answered', [request('/echo'), request('/echo')]),
    accessLog(34, line =>
      line
        .replace(/^\[.*?\]/, '[<time>]')
        .replace(/ (\d+) (\d+|-) "/, ' <ms> $2 "')
        .replace(/" \d+ "/, '')
        .replace(/<ms> \d+ /, '<ms> <ms> ')
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '<uuid>'),
    ),
  ],
};

/** Requests that are no good HTTP/1.1. */
export const badRequests: Scenario = {
  name: 'bad requests',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [route('/', 'raw')],
      clusters: [cluster('raw', [ports.raw])],
      manager: { delayed_close_timeout: '0.1s' },
    }),
  steps: [
    raw('no version', 'GET /echo\r\nhost: a\r\n\r\n', true),
    raw('no version after a space', 'POST /echo \r\n\r\n', true),
    raw('no version, of an absolute URL', 'GET http://a/echo\r\n', true),
    raw('no version, to connect', 'CONNECT a:1\r\n', true),
    raw('neither version nor path', 'GET echo\r\n\r\n', true),
    raw('nonsense', 'nonsense\r\n\r\n', true),
    raw('no host', 'GET /echo HTTP/1.1\r\n\r\n', true),
    raw('an unknown version', 'GET /echo HTTP/3.7\r\nhost: a\r\n\r\n', true),
    raw('a space in a header name', 'GET /echo HTTP/1.1\r\nhost: a\r\nbad name: a\r\n\r\n', true),
    raw('a NUL in a header value', 'GET /echo HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n', true),
    raw('a space before the colon', 'GET /echo HTTP/1.1\r\nhost: a\r\nx : a\r\n\r\n', true),
    raw('an empty header name', 'GET /echo HTTP/1.1\r\nhost: a\r\n: a\r\n\r\n', true),
    raw('a length that is no number', 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n', true),
    raw('a negative length', 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n', true),
    raw('two lengths', 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', true),
    raw(
      'length and chunks',
      'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      true,
    ),
    raw('an unknown transfer coding', 'POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n', true),
    raw('a bad chunk size', 'POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', true),
    raw(
      'a bare line feed in a chunk',
      'POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\na\n0\n\n',
      true,
    ),
    raw('a long header', `GET /echo HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(70_000)}\r\n\r\n`, true),
    raw('many headers', `GET /echo HTTP/1.1\r\nhost: a\r\n${'x: a\r\n'.repeat(110)}\r\n`, true),
    raw('a path without a slash', 'GET echo HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('a fragment in the path', 'GET /echo#a HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('an asterisk', 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('CONNECT', 'CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('an unknown method', 'BREW /echo HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('a method in small letters', 'get /echo HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw(
      'WebSocket where it is not enabled',
      'GET /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      true,
    ),
    stats(
      'http.ingress.downstream_cx_protocol_error',
      'http.ingress.downstream_rq_total',
      'http.ingress.downstream_rq_4xx',
      'http.ingress.downstream_rq_ws_on_non_ws_route',
    ),
  ],
};

/** What Envoy lets pass and our proxy refuses: each way to write one message in two ways is a way to smuggle a request past somebody. */
export const lax: Scenario = {
  name: 'requests that only Envoy takes',
  config: badRequests.config,
  steps: [
    raw('two hosts', 'GET /echo HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', true),
    raw('bare line feeds', 'GET /echo HTTP/1.1\nhost: a\n\n', true),
    raw('a folded header', 'GET /echo HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\n\r\n', true),
  ],
};

/** A format of one's own, as text. */
export const accessLogFormat: Scenario = {
  name: "the access log in a format of one's own",
  config: (ports, log) =>
    bootstrap(ports, log, {
      routeConfiguration: { validate_clusters: false },
      routes: [
        route('/nobody', 'nobody'),
        route('/unknown', 'none'),
        { match: { prefix: '/to' }, redirect: { path_redirect: '/there' } },
        { match: { prefix: '/direct' }, direct_response: { status: 299, body: { inline_string: 'hi' } } },
        route('/raw', 'raw', { prefix_rewrite: '/echo' }),
        route('/', 'httpbin', { timeout: '0.3s' }),
      ],
      clusters: [cluster('httpbin', [ports.httpbin]), cluster('nobody', [ports.nobody]), cluster('raw', [ports.raw])],
      manager: {
        access_log: [
          fileLog(
            log,
            '%REQ(:METHOD)%|%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%|%REQ(:PATH):4%|%PROTOCOL%|%RESPONSE_CODE%|%RESPONSE_FLAGS%|%RESPONSE_CODE_DETAILS%|%BYTES_RECEIVED%|%BYTES_SENT%|%UPSTREAM_CLUSTER%|%ROUTE_NAME%|%REQ(X-NO)%|%RESP(CONTENT-TYPE)%|%UPSTREAM_HOST%|%UPSTREAM_TRANSPORT_FAILURE_REASON%|%UPSTREAM_REQUEST_ATTEMPT_COUNT%|%REQUESTED_SERVER_NAME%|%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%START_TIME(%Y)%|%CONNECTION_TERMINATION_DETAILS%\n',
          ),
        ],
      },
    }),
  steps: [
    request('/get'),
    request('/post', { method: 'POST', body: 'abc' }),
    request('/delay/2'),
    request('/nobody/x'),
    request('/unknown/x'),
    request('/to/x'),
    request('/direct'),
    request('/raw/x?y'),
    request('/status/204'),
    request('/status/500'),
    accessLog(10),
  ],
};
