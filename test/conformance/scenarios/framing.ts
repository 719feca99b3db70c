import { type RequestOptions, raw, request, type Scenario, stats, together } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';

const chunks = (body: string) => `POST /echo-body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${body}`;
const post = (fields: string, body: string) => `POST /echo-body HTTP/1.1\r\nhost: a\r\n${fields}\r\n${body}`;
const get = (fields: string) => `GET /echo HTTP/1.1\r\nhost: a\r\n${fields}\r\n`;

/** What the framing of a request may look like. */
export const requestFraming: Scenario = {
  name: 'the framing of requests',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [route('/', 'raw')],
      clusters: [cluster('raw', [ports.raw])],
      manager: { delayed_close_timeout: '0.1s' },
    }),
  steps: [
    raw('the same length twice', post('content-length: 3\r\ncontent-length: 3\r\n', 'abc'), true),
    raw('a list of lengths', post('content-length: 3, 3\r\n', 'abc'), true),
    raw('a length with a sign', post('content-length: +3\r\n', 'abc'), true),
    raw('a length with zeros', post('content-length: 003\r\n', 'abc'), true),
    raw('an empty length', post('content-length:\r\n', ''), true),
    raw('chunks in two lines', post('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'), true),
    raw('chunks twice', post('transfer-encoding: chunked, chunked\r\n', '0\r\n\r\n'), true),
    raw('identity', post('transfer-encoding: identity\r\n', ''), true),
    raw('chunks in another case', post('transfer-encoding: CHUNKED\r\n', '3\r\nabc\r\n0\r\n\r\n')),
    raw('an extension', chunks('3;a=b\r\nabc\r\n0\r\n\r\n')),
    raw('a blank after the size', chunks('3 \r\nabc\r\n0\r\n\r\n')),
    raw('a sign before the size', chunks('+3\r\nabc\r\n0\r\n\r\n'), true),
    raw('0x before the size', chunks('0x3\r\nabc\r\n0\r\n\r\n'), true),
    raw('no size', chunks('\r\nabc\r\n0\r\n\r\n'), true),
    raw('trailers that would frame', chunks('3\r\nabc\r\n0\r\ncontent-length: 9\r\n\r\n')),
    raw('a GET with a body', `GET /echo-body HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc`),
    raw('an empty line before', `\r\n${get('')}`),
    raw('a length that Connection names', post('connection: content-length\r\ncontent-length: 3\r\n', 'abc')),
    raw('a host that Connection names', get('connection: host\r\n')),
    raw(
      'x-forwarded-for that Connection names',
      get('connection: x-forwarded-for\r\nx-forwarded-for: 1.2.3.4\r\n'),
      true,
    ),
    raw('a header that Connection names', get('connection: x-own, close\r\nx-own: a\r\n')),
    raw('many that Connection names', get(`connection: ${'abcdefghijkl'.split('').join(', ')}\r\n`), true),
    raw('te that Connection names', get('connection: te\r\nte: trailers, gzip\r\n')),
    raw('a host with a space', 'GET /echo HTTP/1.1\r\nhost: a b\r\n\r\n', true),
    raw('a host with a slash', 'GET /echo HTTP/1.1\r\nhost: a/b\r\n\r\n', true),
    raw('a space in the target', 'GET /echo b HTTP/1.1\r\nhost: a\r\n\r\n', true),
    stats('http.ingress.downstream_cx_protocol_error', 'http.ingress.downstream_rq_total'),
  ],
};

/** Envoy reads these, in one of the ways that they can be read. */
export const laxFraming: Scenario = {
  name: 'framing that only Envoy takes',
  config: requestFraming.config,
  steps: [
    raw('two sizes of a chunk', chunks('3 4\r\nabc\r\n0\r\n\r\n'), true),
    raw('a bare carriage return', get('x: a\rb: c\r\n'), true),
    raw('two spaces in the request line', 'GET  /echo HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('a tab in the request line', 'GET\t/echo HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('NUL in an extension', chunks('3;\0\r\nabc\r\n0\r\n\r\n'), true),
  ],
};

const twice = (path: string, options: RequestOptions = {}) =>
  together(`${path}, and what the next request gets`, [request(path, options), request('/echo-body')]);

/** Upstreams that send more than they said, or what means two things. */
export const responseFraming: Scenario = {
  name: 'the framing of responses',
  config: requestFraming.config,
  steps: [
    twice('/extra'),
    twice('/extra', { method: 'HEAD' }),
    twice('/extra-close'),
    twice('/interim-length'),
    twice('/interim-chunks'),
    twice('/no-content-length'),
    twice('/two-lengths'),
    twice('/length-and-chunks'),
    stats(
      'cluster.raw.upstream_cx_protocol_error',
      'cluster.raw.upstream_rq_total',
      'cluster.raw.upstream_cx_total',
      'cluster.raw.upstream_cx_destroy_local_with_active_rq',
    ),
  ],
};

/** Envoy passes these on. */
export const laxResponses: Scenario = {
  name: 'responses that only Envoy takes',
  config: requestFraming.config,
  steps: [request('/switching'), request('/long-status')],
};
