/** HTTP/2 with clients and with hosts. */
import { connect as connectHttp2 } from 'node:http2';
import { data, end, type FramesOptions, frame, get, headers, number32, post, talk } from '../frames.ts';
import { accessLog, normalizeText, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';

const optionsType = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** What has a cluster speak so. */
export function speaks(options: Record<string, unknown>): Record<string, unknown> {
  return {
    typed_extension_protocol_options: {
      [optionsType]: { '@type': `type.googleapis.com/${optionsType}`, ...options },
    },
  };
}

export const overHttp2 = speaks({ explicit_http_config: { http2_protocol_options: {} } });

/** A step: these frames to the listener. */
export function frames(name: string, pieces: readonly Buffer[], options?: FramesOptions): Step {
  return { name, see: async ({ ports }) => (await talk(ports.listener, pieces, options)).map(normalizeText) };
}

const log =
  '%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %TRAILER(X-TRAILER)%\n';

export const http2: Scenario = {
  name: 'HTTP/2',
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [
        route('/one', 'raw', { prefix_rewrite: '' }),
        route('/nobody', 'nobody'),
        { match: { prefix: '/direct' }, direct_response: { status: 299, body: { inline_string: 'hi' } } },
        {
          match: { prefix: '/retry' },
          route: { cluster: 'two', prefix_rewrite: '/refuse', retry_policy: { retry_on: 'refused-stream' } },
        },
        route('/slow', 'two', { prefix_rewrite: '/silent', timeout: '0.3s' }),
        route('/down', 'down', { prefix_rewrite: '' }),
        route('/', 'two'),
      ],
      clusters: [
        cluster('raw', [ports.raw]),
        cluster('two', [ports.http2], overHttp2),
        cluster('nobody', [ports.nobody], overHttp2),
        cluster('down', [ports.raw], speaks({ use_downstream_protocol_config: {} })),
      ],
      manager: { access_log: [fileLog(file, log)] },
    }),
  steps: [
    frames('a request', [headers(1, get('/echo'))]),
    frames('to a host of HTTP/1', [headers(1, get('/one/echo'))]),
    request('/echo', {}, 'a client of HTTP/1, a host of HTTP/2'),
    request(
      '/echo',
      { method: 'POST', body: 'hello', headers: ['te: trailers', 'connection: keep-alive', 'x-a: b'] },
      'the same with a body',
    ),
    request('/trailers', {}, 'trailers to a client of HTTP/1'),
    request('/early-hints', {}, 'early hints to a client of HTTP/1'),
    request('/no-content', {}, 'no content to a client of HTTP/1'),
    request('/echo', { method: 'HEAD' }, 'HEAD to a host of HTTP/2'),
    frames('HEAD', [headers(1, [':method: HEAD', ...get('/echo').slice(1)])]),
    frames('HEAD to a host of HTTP/1', [headers(1, [':method: HEAD', ...get('/one/echo').slice(1)])]),
    frames('a body', [headers(1, post('/echo'), 0), data(1, 'hel'), data(1, 'lo', end)]),
    frames('a body to a host of HTTP/1', [headers(1, post('/one/echo-body'), 0), data(1, 'hel'), data(1, 'lo', end)]),
    frames('a body with a length', [headers(1, post('/one/echo-body', 'content-length: 5'), 0), data(1, 'hello', end)]),
    frames('trailers of a request', [headers(1, post('/echo'), 0), data(1, 'hello'), headers(1, ['x-late: yes'])]),
    frames('trailers of a request to a host of HTTP/1', [
      headers(1, post('/one/echo-body'), 0),
      data(1, 'hello'),
      headers(1, ['x-late: yes']),
    ]),
    frames('trailers of a response', [headers(1, get('/trailers'))]),
    frames('gRPC', [headers(1, post('/grpc', 'content-type: application/grpc', 'te: trailers'), 0), data(1, 'x', end)]),
    frames('gRPC, trailers only', [headers(1, post('/grpc-only-trailers', 'content-type: application/grpc'))]),
    frames('gRPC that nobody answers', [headers(1, post('/nobody', 'content-type: application/grpc'))]),
    frames('early hints', [headers(1, get('/early-hints'))]),
    frames('a wait for the go-ahead', [headers(1, post('/echo', 'expect: 100-continue'), 0), data(1, 'a', end)]),
    frames('several at a time', [headers(1, get('/direct')), headers(3, get('/direct')), headers(5, get('/direct'))]),
    frames('cookies in pieces', [headers(1, get('/one/echo', 'cookie: a=b', 'x-a: b', 'cookie: c=d'))]),
    frames('cookies in pieces to HTTP/2', [headers(1, get('/echo', 'cookie: a=b', 'x-a: b', 'cookie: c=d'))]),
    frames('a host beside the authority', [headers(1, get('/one/echo', 'host: other.com'))]),
    frames('a host alone', [headers(1, [':method: GET', ':scheme: http', ':path: /one/echo', 'host: other.com'])]),
    frames('https where it is not', [
      headers(1, [':method: GET', ':scheme: https', ':authority: a', ':path: /one/echo']),
    ]),
    frames('another scheme', [headers(1, [':method: GET', ':scheme: ftp', ':authority: a', ':path: /echo'])]),
    frames('nobody there', [headers(1, get('/nobody'))]),
    frames('a reset by the host', [headers(1, get('/reset'))]),
    frames('a refusal by the host', [headers(1, get('/refuse'))]),
    frames('a refusal, tried again', [headers(1, get('/retry'))]),
    frames('a response that is cut', [headers(1, get('/cut'))]),
    frames('a host that disconnects', [headers(1, get('/disconnect'))]),
    frames('a host that goes away after this one', [headers(1, get('/goaway'))]),
    frames('too slow', [headers(1, get('/slow'))], { quietMs: 800 }),
    frames('a client that resets', [headers(1, get('/silent')), frame('RST_STREAM', 0, 1, number32(8))]),
    frames('a client that leaves', [headers(1, get('/silent'))], { hangUp: true }),
    frames('an answer before the request is whole', [headers(1, post('/direct'), 0)]),
    frames('a path with a fragment', [headers(1, get('/echo#a'))]),
    frames('the asterisk', [headers(1, [':method: OPTIONS', ...get('*').slice(1)])]),
    frames('the version of the client', [headers(1, get('/down/echo'))], { quietMs: 300 }),
    request('/down/echo', {}, 'the version of the client, HTTP/1'),
    stats(
      'http.ingress.downstream_cx_http2_total',
      'http.ingress.downstream_rq_http2_total',
      'http.ingress.downstream_rq_http1_total',
      'http.ingress.downstream_rq_rx_reset',
      'http.ingress.downstream_rq_tx_reset',
      'http.ingress.downstream_rq_2xx',
      'http.ingress.downstream_rq_4xx',
      'http.ingress.downstream_rq_5xx',
      'http.ingress.downstream_cx_protocol_error',
      'cluster.two.upstream_cx_http2_total',
      'cluster.two.upstream_cx_http1_total',
      'cluster.two.upstream_rq_total',
      'cluster.two.upstream_cx_close_notify',
      'cluster.two.upstream_rq_rx_reset',
      'cluster.two.upstream_rq_tx_reset',
      'cluster.two.upstream_rq_retry',
      'cluster.two.http2.rx_reset',
      'cluster.two.http2.tx_reset',
      'cluster.two.http2.trailers',
      'cluster.two.http2.streams_active',
      'http2.rx_reset',
      'http2.tx_reset',
      'http2.trailers',
      'http2.streams_active',
      'http2.goaway_sent',
    ),
    accessLog(45),
  ],
};

/** A step: these frames; Envoy closes without a word where ours says why. */
export function refused(name: string, pieces: readonly Buffer[], options?: FramesOptions): Step {
  return {
    name,
    see: async ({ ports }) => (await talk(ports.listener, pieces, options)).filter(line => !line.startsWith('GOAWAY')),
  };
}

export const badHttp2: Scenario = {
  name: 'HTTP/2 that breaks the rules',
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'hi' } } },
        route('/', 'two'),
      ],
      clusters: [cluster('two', [ports.http2], overHttp2)],
      manager: { access_log: [fileLog(file, log)], codec_type: 'HTTP2', delayed_close_timeout: '0.1s' },
    }),
  steps: [
    refused('another preface', [Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n')], { settings: null }),
    refused('a capital in a name', [headers(1, get('/direct', 'X-A: b'))]),
    refused('connection', [headers(1, get('/direct', 'connection: keep-alive'))]),
    refused('transfer-encoding', [headers(1, get('/direct', 'transfer-encoding: chunked'))]),
    refused('te', [headers(1, get('/direct', 'te: gzip'))]),
    refused('an unknown pseudo field', [headers(1, [':a: b', ...get('/direct')])]),
    refused('a pseudo field after others', [headers(1, ['x-a: b', ...get('/direct')])]),
    refused('two paths', [headers(1, [...get('/direct'), ':path: /other'])]),
    refused('no path', [headers(1, get('/direct').slice(0, 3))]),
    refused('an empty path', [headers(1, get(''))]),
    refused('no scheme', [headers(1, [':method: GET', ':authority: a', ':path: /direct'])]),
    refused('no method', [headers(1, get('/direct').slice(1))]),
    refused('no authority', [headers(1, [':method: GET', ':scheme: http', ':path: /one/echo'])]),
    refused('a path that is none', [headers(1, get('x'))]),
    refused('a line end in a value', [headers(1, get('/direct', 'x-a: b\r\nc: d'))]),
    refused('a blank in a name', [headers(1, get('/direct', 'x a: b'))]),
    refused('an empty name', [headers(1, get('/direct', ': b'))]),
    refused('two lengths', [
      headers(1, post('/direct', 'content-length: 1', 'content-length: 2'), 0),
      data(1, 'a', end),
    ]),
    refused('too short a body', [headers(1, post('/echo', 'content-length: 5'), 0), data(1, 'a', end)]),
    refused('too long a body', [headers(1, post('/echo', 'content-length: 1'), 0), data(1, 'abc', end)]),
    refused('a length without a body', [headers(1, post('/echo', 'content-length: 1'))]),
    refused('trailers that do not end it', [headers(1, post('/echo'), 0), headers(1, ['x-a: b'], 0)]),
    refused('a pseudo field in trailers', [headers(1, post('/echo'), 0), headers(1, [':path: /a'])]),
    refused('an even stream', [headers(2, get('/direct'))]),
    refused('data before any head', [data(1, 'x')]),
    refused('data of the connection', [data(0, 'x')]),
    refused('settings that are cut', [frame('SETTINGS', 0, 0, Buffer.alloc(5))]),
    refused('a window that is too large', [frame('WINDOW_UPDATE', 0, 0, number32(0x7fffffff))]),
    refused('a window of nothing', [frame('WINDOW_UPDATE', 0, 0, number32(0))]),
    refused('a push', [frame('PUSH_PROMISE', 4, 1, number32(2))]),
    refused('a ping', [frame('PING', 0, 0, Buffer.from('12345678'))]),
    refused('an unknown frame', [Buffer.from([0, 0, 1, 99, 0, 0, 0, 0, 0, 7]), headers(1, get('/direct'))]),
    refused('a reset of no stream', [frame('RST_STREAM', 0, 1, number32(8))]),
    refused('a large head', [headers(1, get('/direct', `x-a: ${'a'.repeat(15_000)}`))]),
    refused('CONNECT', [headers(1, [':method: CONNECT', ':authority: a:80'], 0)]),
    refused('CONNECT with a protocol', [
      headers(1, [':method: CONNECT', ':protocol: websocket', ...get('/direct').slice(1)], 0),
    ]),
    stats(
      'http.ingress.downstream_cx_protocol_error',
      'http.ingress.downstream_cx_destroy_local',
      'http.ingress.downstream_rq_total',
      'http2.rx_messaging_error',
      'http2.rx_reset',
      'http2.tx_reset',
      'http2.header_overflow',
    ),
    accessLog(27),
  ],
};

export const laxHttp2: Scenario = {
  name: 'HTTP/2 that only Envoy takes',
  config: badHttp2.config,
  steps: [refused('a stream that goes back', [headers(5, get('/direct')), headers(3, get('/direct'))])],
};

/** Node's client, whose sessions tell what becomes of them. */
async function session(
  port: number,
  see: (client: ReturnType<typeof connectHttp2>) => Promise<unknown>,
): Promise<unknown> {
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  client.on('error', () => {});
  try {
    return await see(client);
  } finally {
    client.destroy();
  }
}

export const http2Load: Scenario = {
  name: 'HTTP/2 at length',
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [route('/one', 'raw', { prefix_rewrite: '' }), route('/', 'two')],
      clusters: [cluster('raw', [ports.raw]), cluster('two', [ports.http2], overHttp2)],
    }),
  steps: [
    {
      name: 'a large response',
      see: ({ ports }) =>
        session(
          ports.listener,
          client =>
            new Promise(resolve => {
              let bytes = 0;
              const stream = client.request({ ':path': '/large' });
              stream.on('data', chunk => (bytes += chunk.length));
              stream.on('close', () => resolve({ bytes, code: stream.rstCode }));
            }),
        ),
    },
    {
      name: 'a large request',
      see: ({ ports }) =>
        session(
          ports.listener,
          client =>
            new Promise(resolve => {
              let bytes = 0;
              const stream = client.request({ ':path': '/echo', ':method': 'POST' });
              stream.on('data', chunk => (bytes += chunk.length));
              stream.on('close', () => resolve({ most: bytes > 3_000_000, code: stream.rstCode }));
              stream.end('y'.repeat(3_000_000));
            }),
        ),
    },
    {
      name: 'fifty at a time',
      see: ({ ports }) =>
        session(ports.listener, client =>
          Promise.all(
            Array.from(
              { length: 50 },
              (_, i) =>
                new Promise(resolve => {
                  const stream = client.request({ ':path': i % 2 === 0 ? '/echo' : '/one/echo' });
                  stream.on('response', head => resolve(head[':status']));
                  stream.resume();
                }),
            ),
          ),
        ),
    },
    stats('cluster.two.upstream_cx_total', 'cluster.two.upstream_rq_active', 'http.ingress.downstream_rq_active'),
  ],
};

export const http2Scenarios = [http2, badHttp2, laxHttp2, http2Load];
