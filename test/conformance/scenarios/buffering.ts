/** The buffer filter. */
import { accessLog, raw, request, type Scenario, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, typed } from './filters.ts';

type Json = Record<string, unknown>;

const filterType = 'envoy.extensions.filters.http.buffer.v3.Buffer';

const telling = (prefix: string, said: Json): Json => ({
  ...route(prefix, 'raw', { prefix_rewrite: '/' }),
  typed_per_filter_config: { buffer: typed(`${filterType}PerRoute`, said) },
});
const chunked = (path: string, ...chunks: string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    'host: example.com',
    'transfer-encoding: chunked',
    '',
    ...chunks.flatMap(chunk => [chunk.length.toString(16), chunk]),
    '0',
    '',
    '',
  ].join('\r\n');

export const buffering: Scenario = {
  name: 'buffered requests',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'buffer', typed_config: typed(filterType, { max_request_bytes: 10 }) }),
        access_log: [fileLog(log, decisions)],
      },
      routes: [
        telling('/off', { disabled: true }),
        telling('/more', { buffer: { max_request_bytes: 20 } }),
        route('/', 'raw'),
      ],
      clusters: [cluster('raw', [ports.raw])],
      bootstrap: { admin: { address: address(ports.admin) } },
    }),
  steps: [
    request('/get'),
    request('/post', { method: 'POST', body: 'abc' }),
    request('/post', { method: 'POST', body: '0123456789' }, 'as many bytes as allowed'),
    request('/post', { method: 'POST', body: '0123456789a' }, 'one byte too many'),
    raw('chunks', chunked('/post', 'abc', 'def')),
    raw('no bytes in chunks', chunked('/post')),
    raw('too many chunks', chunked('/post', '01234', '56789', 'a')),
    raw('trailers', chunked('/echo-body', 'abc').replace(/\r\n\r\n$/, '\r\nx-trailer: 1\r\n\r\n')),
    request('/off', { method: 'POST', body: '0123456789a' }),
    raw('chunks where it is switched off', chunked('/off', '0123456789', 'a')),
    request('/more', { method: 'POST', body: '0123456789a' }),
    request('/more', { method: 'POST', body: '0123456789'.repeat(3) }, 'too much for the route'),
    request('/post', { method: 'POST', body: '0123456789a', headers: ['content-type: application/grpc'] }),
    stats(
      'http.ingress.downstream_rq_too_large',
      'http.ingress.downstream_rq_response_before_rq_complete',
      'http.ingress.downstream_rq_4xx',
      'cluster.raw.upstream_rq_total',
    ),
    accessLog(13),
  ],
};
