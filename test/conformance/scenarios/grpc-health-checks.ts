/** Health checks by gRPC, and those by HTTP/2. */

import { get, headers } from '../frames.ts';
import { admin, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { frames, overHttp2 } from './http2.ts';

const once = {
  timeout: '0.5s',
  interval: '60s',
  no_traffic_interval: '60s',
  unhealthy_threshold: 1,
  healthy_threshold: 1,
};
const services = ['well', 'ill', 'unknown', 'plain', 'silent', 'nobody', 'two', 'two-ill'];

const counted = ['attempt', 'success', 'failure', 'network_failure', 'passive_failure', 'healthy', 'degraded'];

export const grpcHealthChecks: Scenario = {
  name: 'health checks by gRPC',
  config: (ports, log) => {
    const checked = (name: string, check: Record<string, unknown>, port = ports.http2) =>
      cluster(name, [port], { ...overHttp2, health_checks: [{ ...once, ...check }] });
    const grpc = (name: string, more: Record<string, unknown> = {}, port = ports.http2) =>
      checked(name, { grpc_health_check: { service_name: name, ...more } }, port);
    return bootstrap(ports, log, {
      routes: [...services.map(name => route(`/${name}`, name, { prefix_rewrite: '/no-content' })), route('/', 'free')],
      clusters: [
        cluster('free', [ports.http2], overHttp2),
        grpc('well', {
          authority: 'health.example.com',
          initial_metadata: [{ header: { key: 'x-more', value: 'yes' } }],
        }),
        ...['ill', 'unknown', 'plain', 'silent'].map(name => grpc(name)),
        grpc('nobody', {}, ports.nobody),
        checked('two', { http_health_check: { path: '/echo', codec_client_type: 'HTTP2' } }),
        checked('two-ill', { http_health_check: { path: '/no-content', codec_client_type: 'HTTP2' } }),
      ],
    });
  },
  steps: [
    ...services.map(name => frames(name, [headers(1, get(`/${name}`))])),
    frames('how they were asked', [headers(1, get('/asked'))]),
    admin('/clusters', body =>
      body
        .split('\n')
        .filter(line => line.includes('health_flags'))
        .map(line => line.replace(/\d+\.\d+\.\d+\.\d+:\d+/, '<host>'))
        .sort(),
    ),
    ...services.map(name => stats(...counted.map(stat => `cluster.${name}.health_check.${stat}`))),
  ],
};
