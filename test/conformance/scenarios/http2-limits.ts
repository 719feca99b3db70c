/** Heads and trailers of HTTP/2 that hold more than they may. */
import { data, get, headers, post } from '../frames.ts';
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { frames, overHttp2 } from './http2.ts';

const many = Array.from({ length: 110 }, (_, i) => `x-${i}: a`);
const log = '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n';

export const http2Limits: Scenario = {
  name: 'HTTP/2 beyond the limits of heads',
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [route('/', 'two')],
      clusters: [cluster('two', [ports.http2], overHttp2)],
      manager: { access_log: [fileLog(file, log)] },
    }),
  steps: [
    frames('many fields of a request', [headers(1, get('/echo', ...many))]),
    frames('many trailers of a request', [headers(1, post('/echo'), 0), data(1, 'a'), headers(1, many)]),
    frames('many fields of a response', [headers(1, get('/many-fields'))]),
    frames('many trailers of a response', [headers(1, get('/many-trailers'))]),
    request('/many-fields', {}, 'many fields of a response to HTTP/1'),
    request('/many-trailers', {}, 'many trailers of a response to HTTP/1'),
    stats(
      'http.ingress.downstream_rq_rx_reset',
      'http.ingress.downstream_rq_4xx',
      'http.ingress.downstream_rq_5xx',
      'cluster.two.upstream_rq_rx_reset',
      'cluster.two.upstream_rq_tx_reset',
      'cluster.two.upstream_cx_protocol_error',
      'cluster.two.http2.header_overflow',
      'cluster.two.http2.rx_messaging_error',
      'http2.header_overflow',
      'http2.tx_reset',
    ),
    // Envoy counts no overflow of this one, which is stopped by its library.
    request('/large-head', {}, 'a large head of a response'),
    accessLog(7),
  ],
};
