/** Limits that a service of its own keeps (Envoy's ratelimit filter). */
import { once } from 'node:events';
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { data, end, headers, post } from '../frames.ts';
import { type RateLimitService, rateLimitService } from '../rate-limit-service.ts';
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { modify } from './filters.ts';
import { frames, overHttp2 } from './http2.ts';

const type = 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit';
const log = '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n';

const filter = (more: Record<string, unknown>) => ({
  name: 'envoy.filters.http.ratelimit',
  typed_config: {
    '@type': type,
    domain: 'shop',
    timeout: '0.4s',
    rate_limit_service: {
      transport_api_version: 'V3',
      grpc_service: {
        envoy_grpc: { cluster_name: 'limits' },
        initial_metadata: [{ key: 'X-Told', value: '100%% %REQ(:METHOD)% %PROTOCOL% %REQ(x-none)%' }],
      },
    },
    ...more,
  },
});

const byHeader = { request_headers: { header_name: 'x-ask', descriptor_key: 'ask' } };
const limited = (actions: unknown[], more: Record<string, unknown> = {}) => [{ actions, ...more }];

/** What a route, a virtual host or a weighted cluster says to the filter. */
const says = (more: Record<string, unknown>) => ({
  typed_per_filter_config: { 'envoy.filters.http.ratelimit': { '@type': `${type}PerRoute`, ...more } },
});
const ownRules = { prefix_rewrite: '/echo', rate_limits: limited([byHeader]) };
const noRules = { prefix_rewrite: '/echo' };

const routesThatSay = [
  { ...route('/include', 'raw', ownRules), ...says({ vh_rate_limits: 'INCLUDE' }) },
  { ...route('/ignore', 'raw', noRules), ...says({ vh_rate_limits: 'IGNORE' }) },
  { ...route('/ignore-but', 'raw', ownRules), ...says({ vh_rate_limits: 'IGNORE' }) },
  {
    ...route('/contradicts', 'raw', { ...ownRules, include_vh_rate_limits: true }),
    ...says({ vh_rate_limits: 'IGNORE' }),
  },
  { ...route('/override', 'raw', ownRules), ...says({ vh_rate_limits: 'OVERRIDE', domain: 'market' }) },
  { ...route('/default', 'raw', noRules), ...says({ domain: 'market' }) },
  {
    match: { prefix: '/weighted' },
    route: {
      prefix_rewrite: '/echo',
      rate_limits: limited([byHeader]),
      weighted_clusters: {
        clusters: [{ name: 'raw', weight: 100, ...says({ domain: 'of-cluster', vh_rate_limits: 'INCLUDE' }) }],
      },
    },
    ...says({ domain: 'of-route' }),
  },
  route('/of-host', 'raw', ownRules),
  {
    ...route('/off', 'raw', ownRules),
    typed_per_filter_config: {
      'envoy.filters.http.ratelimit': {
        '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig',
        disabled: true,
      },
    },
  },
];

/** Notes what the header x-note holds, for the filters that follow. */
const noting = {
  name: 'note',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config',
    request_rules: [
      {
        header: 'x-note',
        on_header_present: { metadata_namespace: 'note', key: 'noted', type: 'PROTOBUF_VALUE', encode: 'BASE64' },
        remove: true,
      },
    ],
  },
};
const noted = (...path: string[]) => ({ key: 'note', path: ['noted', ...path].map(key => ({ key })) });
const byMetadata = (path: string[], more: Record<string, unknown> = {}) => ({
  metadata: { descriptor_key: 'noted', metadata_key: noted(...path), ...more },
});
const ruled = (prefix: string, rule: Record<string, unknown>) =>
  route(prefix, 'raw', { prefix_rewrite: '/echo', rate_limits: [rule] });
const always = { generic_key: { descriptor_value: 'always' } };

const routesOfMetadata = [
  ruled('/dynamic', { actions: [byMetadata(['text'])] }),
  ruled('/default', { actions: [byMetadata(['text'], { default_value: 'nobody' })] }),
  ruled('/skips', { actions: [byMetadata(['text'], { skip_if_absent: true }), always] }),
  {
    ...ruled('/route-default', {
      actions: [byMetadata(['none'], { source: 'ROUTE_ENTRY', default_value: 'no route' })],
    }),
    metadata: { filter_metadata: { note: { noted: { text: 'of the route' } } } },
  },
  {
    ...ruled('/route', { actions: [byMetadata(['text'], { source: 'ROUTE_ENTRY' })] }),
    metadata: { filter_metadata: { note: { noted: { text: 'of the route' } } } },
  },
  ruled('/deep', { actions: [byMetadata(['inner', 'deep'])] }),
  ruled('/limited', { actions: [always], limit: { dynamic_metadata: { metadata_key: noted('limit') } } }),
  ruled('/disabled', { actions: [always], disable_key: 'mine' }),
];

/** A step: a request with that note. */
function tell(path: string, note: JsonValue): Step {
  const bytes = toBinary(ValueSchema, fromJson(ValueSchema, note));
  const header = `x-note: ${Buffer.from(bytes).toString('base64')}`;
  return request(path, { headers: [header] }, `${path} ${JSON.stringify(note)}`);
}

function scenario(
  name: string,
  more: Record<string, unknown>,
  steps: Step[],
  { virtualHost = {}, before = [] }: { virtualHost?: Record<string, unknown>; before?: unknown[] } = {},
): Scenario {
  let open: RateLimitService | undefined;
  return {
    name,
    config: (ports, file) =>
      bootstrap(ports, file, {
        virtualHosts: [
          {
            name: 'all',
            domains: ['*'],
            rate_limits: limited([{ generic_key: { descriptor_value: 'of-host' } }]),
            routes: [
              route('/free', 'raw', {
                prefix_rewrite: '/echo',
                include_vh_rate_limits: false,
                rate_limits: limited([{ request_headers: { header_name: 'x-none', descriptor_key: 'k' } }]),
              }),
              route('/stage', 'raw', { prefix_rewrite: '/echo', rate_limits: limited([byHeader], { stage: 2 }) }),
              route('/both', 'raw', {
                prefix_rewrite: '/echo',
                include_vh_rate_limits: true,
                rate_limits: limited([byHeader, { remote_address: {} }]),
              }),
              route('/host', 'raw', { prefix_rewrite: '/echo' }),
              route('/', 'raw', { prefix_rewrite: '/echo', rate_limits: limited([byHeader]) }),
            ],
            ...virtualHost,
          },
        ],
        clusters: [cluster('raw', [ports.raw]), cluster('limits', [ports.nobody], overHttp2)],
        bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
        manager: {
          access_log: [fileLog(file, log)],
          http_filters: [
            ...before,
            filter(more),
            {
              name: 'envoy.filters.http.router',
              typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
            },
          ],
        },
      }),
    steps: [
      {
        name: 'the service is there',
        see: async ({ ports }) => {
          open = rateLimitService();
          open.server.listen(ports.nobody, '127.0.0.1');
          await once(open.server, 'listening');
        },
      },
      ...steps,
      {
        name: 'what the service was asked',
        see: async () => {
          open!.server.close();
          return open!.asked;
        },
      },
    ],
  };
}

const ask = (value: string, path = '/x'): Step => request(path, { headers: [`x-ask: ${value}`] }, `${path} ${value}`);
const grpc = (value: string) => [
  headers(1, post('/x', 'content-type: application/grpc', `x-ask: ${value}`), 0),
  data(1, 'x', end),
];

const counted = stats(
  ...['ok', 'over_limit', 'error', 'failure_mode_allowed'].map(name => `cluster.raw.ratelimit.${name}`),
  'cluster.raw.upstream_rq_429',
  'cluster.raw.upstream_rq_500',
  'cluster.raw.internal.upstream_rq_429',
  'cluster.limits.upstream_rq_total',
  'cluster.limits.internal.upstream_rq_200',
  'cluster.limits.upstream_rq_timeout',
);

export const rateLimitServices: Scenario[] = [
  scenario('limits of a service', {}, [
    ask('fine'),
    ask('over'),
    ask('headers'),
    ask('over-headers'),
    ask('unknown'),
    ask('error'),
    ask('never'),
    ask('over', '/free'),
    ask('over', '/stage'),
    ask('over', '/host'),
    ask('over', '/both'),
    frames('gRPC over its limit', grpc('over')),
    counted,
    accessLog(12),
  ]),
  scenario(
    'limits of a service, strictly',
    {
      failure_mode_deny: true,
      rate_limited_as_resource_exhausted: true,
      enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
      disable_x_envoy_ratelimited_header: true,
      rate_limited_status: { code: 503 },
      status_on_error: { code: 502 },
      stat_prefix: 'mine',
      response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }],
      stage: 0,
    },
    [
      ask('fine'),
      ask('over'),
      ask('counted'),
      ask('over-headers'),
      ask('error'),
      ask('never'),
      frames('gRPC over its limit', grpc('over')),
      frames('gRPC and an error', grpc('error')),
      stats(
        'cluster.raw.ratelimit.mine.ok',
        'cluster.raw.ratelimit.mine.error',
        'cluster.raw.ratelimit.mine.over_limit',
      ),
      accessLog(8),
    ],
  ),
  scenario('limits of a service for those from outside', { request_type: 'external' }, [
    ask('over'),
    request('/x', { headers: ['x-ask: over', 'x-envoy-internal: true'] }, 'who says that it is from inside'),
  ]),
  scenario('limits of a service for those from inside', { request_type: 'internal' }, [
    ask('over'),
    request('/x', { headers: ['x-ask: over', 'x-envoy-internal: true'] }, 'who says that it is from inside'),
  ]),
  scenario(
    'limits of a service, by what routes say',
    {},
    [
      ...[
        '/include',
        '/ignore',
        '/ignore-but',
        '/contradicts',
        '/override',
        '/default',
        '/weighted',
        '/of-host',
        '/off',
      ].map(path => ask('fine', path)),
      ask('over', '/weighted'),
      accessLog(10),
    ],
    { virtualHost: { routes: routesThatSay, ...says({ domain: 'of-host', vh_rate_limits: 'INCLUDE' }) } },
  ),
  scenario(
    'limits of a service, by metadata',
    {},
    [
      tell('/dynamic', { text: 'ada' }),
      tell('/dynamic', { text: 7 }),
      tell('/dynamic', {}),
      tell('/default', {}),
      tell('/skips', {}),
      tell('/skips', { text: 'bob' }),
      tell('/route', {}),
      tell('/route-default', {}),
      tell('/deep', { inner: { deep: 'x' } }),
      tell('/deep', { inner: 'x' }),
      ...[
        { requests_per_unit: 3, unit: 'HOUR' },
        { requests_per_unit: 0, unit: 'UNKNOWN' },
        { requests_per_unit: 2.7, unit: 'DAY' },
        { requests_per_unit: 3, unit: 'hour' },
        { requests_per_unit: 3, unit: 'WEEK' },
        { requests_per_unit: '3', unit: 'HOUR' },
        { requests_per_unit: 3 },
        'HOUR',
      ].map(limit => tell('/limited', { limit })),
      tell('/disabled', {}),
      modify('ratelimit.mine.http_filter_enabled=0'),
      tell('/disabled', { a: 1 }),
      modify('ratelimit.mine.http_filter_enabled=100'),
      tell('/disabled', { a: 2 }),
    ],
    { virtualHost: { rate_limits: [], routes: routesOfMetadata }, before: [noting] },
  ),
];
