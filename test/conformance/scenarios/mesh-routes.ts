/** What control planes of meshes set on each of their routes: older time-outs of gRPC, hosts without their ports, long direct responses. */
import { request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';

type Json = Record<string, unknown>;

const grpc = (path: string, ...headers: string[]): Step =>
  request(path, { method: 'POST', body: 'a', headers: ['content-type: application/grpc', ...headers] });

const timed = (prefix: string, more: Json): Json => route(prefix, 'raw', { prefix_rewrite: '/echo', ...more });

export const meshRoutes: Scenario[] = [
  {
    name: 'time-outs of gRPC in the older way',
    config: (ports, log) =>
      bootstrap(ports, log, {
        routes: [
          timed('/any', { max_grpc_timeout: '0s' }),
          timed('/most', { max_grpc_timeout: '3s', timeout: '5s' }),
          timed('/offset', { max_grpc_timeout: '10s', grpc_timeout_offset: '1s' }),
          timed('/tries', { max_grpc_timeout: '3s', retry_policy: { retry_on: '5xx', per_try_timeout: '1s' } }),
          timed('/newer', { max_grpc_timeout: '3s', max_stream_duration: { grpc_timeout_header_max: '2s' } }),
          route('/late', 'raw', { prefix_rewrite: '/never', max_grpc_timeout: '0s' }),
        ],
        clusters: [cluster('raw', [ports.raw])],
      }),
    steps: [
      ...['/any', '/most', '/offset', '/tries', '/newer'].flatMap(path => [
        grpc(path),
        grpc(path, 'grpc-timeout: 2S'),
        grpc(path, 'grpc-timeout: 20S'),
        grpc(path, 'grpc-timeout: 500m'),
        grpc(path, 'grpc-timeout: soon'),
        request(path),
        request(path, { headers: ['grpc-timeout: 2S'] }),
        grpc(path, 'grpc-timeout: 2S', 'x-envoy-upstream-rq-timeout-ms: 1500', 'x-forwarded-for: 10.0.0.1'),
      ]),
      grpc('/late', 'grpc-timeout: 300m'),
      stats('cluster.raw.upstream_rq_timeout'),
    ],
  },
  {
    name: 'hosts without their ports',
    config: (ports, log) =>
      bootstrap(ports, log, {
        routeConfiguration: { ignore_port_in_host_matching: true, max_direct_response_body_size_bytes: 10_000 },
        virtualHosts: ['a.example', '*.b.example', 'c.*', '[::1]', 'd.example:80', '*'].map((domain, index) => ({
          name: domain,
          domains: [domain],
          routes: [
            {
              match: { prefix: '/' },
              direct_response: { status: 200 + index, body: { inline_string: 'x'.repeat(index === 5 ? 5000 : 1) } },
            },
          ],
        })),
        clusters: [cluster('raw', [ports.raw])],
      }),
    steps: [
      'a.example',
      'a.example:80',
      'A.Example:8080',
      'a.example:',
      'a.example:x',
      'x.b.example:1',
      'c.net:1',
      '[::1]',
      '[::1]:80',
      'd.example',
      'd.example:80',
    ].map(host => ({ ...request('/', { host }), name: host })),
  },
];
