/** Filters between gRPC and clients or hosts that know HTTP/1 alone. */
import { data, end, headers, post } from '../frames.ts';
import { accessLog, raw, request, type Scenario, type Step } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, typed } from './filters.ts';
import { frames, overHttp2 } from './http2.ts';

type Json = Record<string, unknown>;

const frame = (message: string): string => `\0\0\0\0${String.fromCharCode(message.length)}${message}`;
const says = (trailers: Json): string => `/grpc-says?${encodeURIComponent(JSON.stringify(trailers))}`;
const grpc = 'content-type: application/grpc';
const protobuf = 'content-type: application/x-protobuf';

/** A step: one call by HTTP/1. */
const call = (path: string, type = grpc, body = frame('hello'), name?: string): Step =>
  request(path, { method: 'POST', headers: [type], body }, name ?? `${path} ${type}`);
const chunked = (path: string, type: string, ...chunks: string[]): Step =>
  raw(
    `${path} in ${chunks.length} chunks`,
    [
      `POST ${path} HTTP/1.1`,
      'host: a',
      type,
      'transfer-encoding: chunked',
      '',
      ...chunks.flatMap(chunk => [chunk.length.toString(16), chunk]),
      '0',
      '',
      '',
    ].join('\r\n'),
  );

const bridge = (name: string, said: Json, steps: Step[], lines: number, after: Step[] = []): Scenario => ({
  name,
  config: (ports, log) => {
    const config = bootstrap(ports, log, {
      manager: {
        ...chain({
          name: 'bridge',
          typed_config: typed('envoy.extensions.filters.http.grpc_http1_bridge.v3.Config', said),
        }),
        access_log: [fileLog(log, decisions)],
      },
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 403, body: { inline_string: 'no' } } },
        route('/only-trailers', 'two', { prefix_rewrite: '/grpc-only-trailers' }),
        {
          match: { prefix: '/echo', headers: [{ name: 'content-type', string_match: { prefix: 'application/grpc' } }] },
          route: { cluster: 'two' },
          response_headers_to_add: [{ header: { key: 'x-route', value: 'grpc' } }],
        },
        route('/', 'two'),
      ],
      clusters: [cluster('two', [ports.http2], { ...overHttp2, per_connection_buffer_limit_bytes: 20_000 })],
    });
    const [listener] = (config.static_resources as { listeners: Json[] }).listeners;
    return {
      ...config,
      static_resources: {
        ...(config.static_resources as Json),
        listeners: [{ ...listener, per_connection_buffer_limit_bytes: 20_000 }],
      },
    };
  },
  steps: [...steps, accessLog(lines), ...after],
});

const reverseType = 'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3';
const plain = 'application/x-protobuf';

/** A path whose answer has these lines and pieces. */
const said = (prefix: string, lines: string[], ...pieces: string[]): string =>
  `${prefix}/say?${encodeURIComponent(JSON.stringify({ lines, pieces }))}`;
const typeLine = `content-type: ${plain}`;

/** A step: a call by HTTP/2, its message in these pieces. */
const grpcCall = (name: string, path: string, pieces: string[] = [frame('hello')], ...fields: string[]): Step =>
  frames(
    name,
    [
      headers(1, post(path, grpc, ...fields), 0),
      ...pieces.map((piece, i) => data(1, piece, i === pieces.length - 1 ? end : 0)),
    ],
    { quietMs: 400 },
  );

const reverse = (name: string, config: Json, steps: Step[], lines: number): Scenario => ({
  name,
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({
          name: 'bridge',
          typed_config: typed(`${reverseType}.FilterConfig`, { content_type: plain, ...config }),
        }),
        access_log: [fileLog(log, decisions)],
      },
      routes: [
        {
          ...route('/off', 'raw', { prefix_rewrite: '' }),
          typed_per_filter_config: { bridge: typed(`${reverseType}.FilterConfigPerRoute`, { disabled: true }) },
        },
        { match: { prefix: '/direct' }, direct_response: { status: 403, body: { inline_string: 'no' } } },
        route('/nobody', 'nobody'),
        {
          match: { prefix: '/typed', headers: [{ name: 'content-type', string_match: { exact: plain } }] },
          direct_response: { status: 201, body: { inline_string: 'found again' } },
        },
        route('/two', 'two', { prefix_rewrite: '' }),
        route('/', 'raw'),
      ],
      clusters: [
        cluster('raw', [ports.raw]),
        cluster('nobody', [ports.nobody]),
        cluster('two', [ports.http2], overHttp2),
      ],
    }),
  steps: [...steps, accessLog(lines)],
});

const answers: Step[] = [
  grpcCall('what the host is asked', '/echo-body'),
  grpcCall('a length', said('', [typeLine, 'content-length: 3'], 'abc'), [frame('hello')], 'content-length: 10'),
  grpcCall('no length', said('', [typeLine, 'transfer-encoding: chunked'], '3\r\nabc\r\n', '2\r\nde\r\n0\r\n\r\n')),
  grpcCall('no body', said('', [typeLine, 'content-length: 0'])),
  grpcCall('another type', said('', ['content-type: text/plain', 'content-length: 3'], 'abc')),
  grpcCall('no type', said('', ['content-length: 3'], 'abc')),
  grpcCall('pieces', said('', [typeLine, 'content-length: 3'], 'abc'), ['\0\0\0\0\x05he', 'llo']),
  grpcCall('too small a piece', said('', [typeLine, 'content-length: 3'], 'abc'), ['\0\0']),
  grpcCall('a type of its own', '/last'),
  grpcCall('switched off', said('/off', [typeLine, 'content-length: 3'], 'abc')),
  ...['/direct', '/typed'].map(path => request(path, { method: 'POST', headers: [grpc], body: frame('hello') })),
  grpcCall('nobody', '/nobody'),
  frames('no gRPC', [headers(1, post('/echo-body', 'content-type: text/plain'), 0), data(1, 'hello', end)]),
  frames('a request without a body', [headers(1, post('/echo', grpc))]),
  request('/echo-body', { method: 'POST', headers: [grpc], body: frame('hello') }, 'a client of HTTP/1'),
  grpcCall('what the host heard', '/last'),
];

export const grpcBridges: Scenario[] = [
  reverse('gRPC for hosts of HTTP/1', {}, answers, answers.length),
  reverse('messages without frames', { withhold_grpc_frames: true }, answers, answers.length),
  reverse(
    'messages without frames whose size is told',
    { withhold_grpc_frames: true, response_size_header: 'X-Size' },
    [
      grpcCall('the right size', said('', [typeLine, 'content-length: 3', 'x-size: 3'], 'abc')),
      grpcCall(
        'several pieces',
        said('', [typeLine, 'x-size: 5', 'transfer-encoding: chunked'], '3\r\nabc\r\n', '2\r\nde\r\n0\r\n\r\n'),
      ),
      grpcCall('two sizes', said('', [typeLine, 'content-length: 3', 'x-size: 3, 4'], 'abc')),
      grpcCall('a wrong size', said('', [typeLine, 'content-length: 3', 'x-size: 5'], 'abc')),
      grpcCall('no size', said('', [typeLine, 'content-length: 3'], 'abc')),
      grpcCall('nonsense', said('', [typeLine, 'content-length: 3', 'x-size: many'], 'abc')),
      grpcCall('no body', said('', [typeLine, 'content-length: 0', 'x-size: 0'])),
    ],
    7,
  ),
  bridge(
    'gRPC for clients of HTTP/1',
    {},
    [
      call('/grpc'),
      call('/grpc', 'content-type: application/grpc+proto'),
      call(says({ 'grpc-status': '0' })),
      call(says({ 'grpc-status': '0', 'grpc-message': 'fine', 'x-more': '1' })),
      call(says({ 'grpc-status': 'x' })),
      call(says({ 'grpc-status': '00' })),
      call(says({ 'grpc-message': 'no status' })),
      call(says({ 'x-more': '1' })),
      call('/only-trailers'),
      call('/echo'),
      call('/no-content'),
      call('/reset'),
      call('/cut'),
      call('/grpc-large'),
      call('/direct'),
      call('/grpc', protobuf),
      call('/grpc', 'content-type: text/plain', 'hello'),
      request('/echo?a=b', { headers: [grpc] }, 'no body, and a query'),
      frames('a client of HTTP/2', [
        headers(1, post('/grpc', 'content-type: application/grpc'), 0),
        data(1, frame('hello'), end),
      ]),
    ],
    19,
  ),
  bridge(
    'protobuf for gRPC',
    { upgrade_protobuf_to_grpc: true, ignore_query_parameters: true },
    [
      call('/grpc', protobuf, 'hello'),
      call('/grpc?a=b', protobuf, 'hello'),
      call('/grpc-says', protobuf, 'hello'),
      call('/echo?a=b', protobuf, 'hello'),
      call('/echo?a=b', grpc),
      call('/echo', 'content-type: application/x-protobuf; a=b', 'hello'),
      call('/echo?a=b', 'content-type: text/plain', 'hello'),
      chunked('/echo', protobuf, 'he', 'l', 'lo'),
      chunked('/grpc', protobuf, 'he', 'l', 'lo'),
      chunked('/echo', protobuf),
      request('/echo', { headers: [protobuf] }, 'no body'),
      call('/grpc-large', protobuf, 'hello'),
      call('/only-trailers', protobuf, 'hello'),
      call('/direct', protobuf, 'hello'),
      frames('a client of HTTP/2', [
        headers(1, post('/grpc', 'content-type: application/x-protobuf'), 0),
        data(1, 'hello', end),
      ]),
    ],
    15,
    [call('/echo', protobuf, 'x'.repeat(30_000), 'a message that is too large')],
  ),
];
