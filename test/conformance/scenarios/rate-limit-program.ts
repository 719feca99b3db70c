/** The proxies beside the rate limit service of our own, as learners run it. */
import { once } from 'node:events';
import { readConfiguration } from '../../../images/rate-limit/configuration.ts';
import { Counters } from '../../../images/rate-limit/counters.ts';
import { decisionLine } from '../../../images/rate-limit/decision-line.ts';
import { Decisions } from '../../../images/rate-limit/decisions.ts';
import { rateLimitServer } from '../../../images/rate-limit/server.ts';
import { request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { overHttp2 } from './http2.ts';

const limits = (ofEach: number): string => `
domain: shop
descriptors:
  - key: user
    rate_limit: { unit: hour, requests_per_unit: ${ofEach}, name: each }
    descriptors:
      - key: path
        value: /reports*
        rate_limit: { unit: minute, requests_per_unit: 1 }
  - key: user
    value: root
    rate_limit: { unlimited: true }
  - key: user
    value: bot
    shadow_mode: true
    rate_limit: { unit: second, requests_per_unit: 0 }
`;

/** 17 seconds into a minute, so that what is told of the time is the same each time. */
const now = () => 1_000_037;

const user = { request_headers: { header_name: 'x-user', descriptor_key: 'user' } };
const path = { request_headers: { header_name: ':path', descriptor_key: 'path' } };

let decisions: Decisions;
let lines: string[] = [];

const ask = (name: string, target = '/x', times = 1): Step[] =>
  Array.from({ length: times }, (_, index) =>
    request(target, { headers: [`x-user: ${name}`] }, `${target} for ${name}, ${index + 1}`),
  );

export const rateLimitProgram: Scenario = {
  name: 'limits of our own service',
  config: (ports, log) =>
    bootstrap(ports, log, {
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            route('/', 'raw', {
              prefix_rewrite: '/echo',
              rate_limits: [{ actions: [user] }, { actions: [user, path] }],
            }),
          ],
        },
      ],
      clusters: [cluster('raw', [ports.raw]), cluster('limits', [ports.nobody], overHttp2)],
      manager: {
        http_filters: [
          {
            name: 'envoy.filters.http.ratelimit',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit',
              domain: 'shop',
              timeout: '2s',
              enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
              rate_limit_service: {
                transport_api_version: 'V3',
                grpc_service: { envoy_grpc: { cluster_name: 'limits' } },
              },
            },
          },
          {
            name: 'envoy.filters.http.router',
            typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
          },
        ],
      },
    }),
  beside: async ports => {
    lines = [];
    decisions = new Decisions(readConfiguration(limits(2), 'limits.yaml'), new Counters(), now);
    const { server, close } = rateLimitServer(decisions, made => lines.push(...made.map(decisionLine)));
    server.listen(ports.nobody, '127.0.0.1');
    await once(server, 'listening');
    return async () => close();
  },
  steps: [
    ...ask('ada', '/x', 3),
    ...ask('bob', '/reports/1', 2),
    ...ask('root', '/reports/1'),
    ...ask('bot', '/x', 2),
    {
      name: 'more for everybody',
      see: async () => {
        decisions.configuration = readConfiguration(limits(9), 'limits.yaml');
      },
    },
    ...ask('ada', '/y'),
    { name: 'what the service told', see: async () => lines },
    stats('cluster.raw.ratelimit.ok', 'cluster.raw.ratelimit.over_limit', 'cluster.raw.ratelimit.error'),
  ],
};
