/** Connections that have had their requests, or their time. */
import { setTimeout as wait } from 'node:timers/promises';
import { get, headers } from '../frames.ts';
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { frames, overHttp2, speaks } from './http2.ts';

/** A step that lets connections to hosts grow old. */
const later: Step = { name: 'a while later', see: () => wait(700) };

const age = { common_http_protocol_options: { max_connection_duration: '0.4s' } };
const http2 = { explicit_http_config: { http2_protocol_options: {} } };

export const connectionEnds: Scenario = {
  name: 'connections that end after so many requests, or so much time',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        route('/old', 'old', { prefix_rewrite: '/echo' }),
        route('/two-old', 'two-old', { prefix_rewrite: '/echo' }),
        route('/few', 'few', { prefix_rewrite: '/echo' }),
        route('/two-few', 'two-few', { prefix_rewrite: '/echo' }),
        route('/', 'two'),
      ],
      clusters: [
        cluster('two', [ports.http2], overHttp2),
        cluster('old', [ports.raw], speaks({ ...age, explicit_http_config: { http_protocol_options: {} } })),
        cluster('two-old', [ports.http2], speaks({ ...age, ...http2 })),
        cluster('few', [ports.raw], { max_requests_per_connection: 1 }),
        cluster('two-few', [ports.http2], { ...overHttp2, max_requests_per_connection: 1 }),
      ],
      manager: { common_http_protocol_options: { max_requests_per_connection: 1 } },
    }),
  steps: [
    request('/echo', { close: true }),
    {
      ...frames('HTTP/2', [headers(1, get('/echo'))]),
      see: async place => {
        const lines = (await frames('', [headers(1, get('/echo'))]).see(place)) as string[];
        // Ours asks whether its end was heard of; Envoy waits some seconds.
        return lines.filter(line => !line.startsWith('PING'));
      },
    },
    request('/old'),
    request('/two-old'),
    request('/few'),
    request('/few', {}, 'again'),
    request('/two-few'),
    request('/two-few', {}, 'again, by HTTP/2'),
    later,
    request('/old', {}, 'a connection that is older'),
    request('/two-old', {}, 'a connection of HTTP/2 that is older'),
    stats(
      'http.ingress.downstream_cx_max_requests_reached',
      'http.ingress.downstream_cx_drain_close',
      ...['old', 'two-old', 'few', 'two-few'].flatMap(name => [
        `cluster.${name}.upstream_cx_total`,
        `cluster.${name}.upstream_cx_max_duration_reached`,
        `cluster.${name}.upstream_cx_max_requests`,
        `cluster.${name}.upstream_cx_destroy_local`,
      ]),
    ),
    accessLog(10, () => 'a line'),
  ],
};
