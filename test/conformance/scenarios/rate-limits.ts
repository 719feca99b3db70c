/** Rate limits of the proxy itself. */
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, modify, telling, typed } from './filters.ts';

type Json = Record<string, unknown>;

const limitType = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';

const bucket = (tokens: number, seconds = 600): Json => ({
  max_tokens: tokens,
  tokens_per_fill: tokens,
  fill_interval: `${seconds}s`,
});
const share = (numerator: number, key = 'limit'): Json => ({ default_value: { numerator }, runtime_key: key });
const limits = (tokens: number, more: Json = {}): Json =>
  typed(limitType, {
    stat_prefix: 'limited',
    token_bucket: bucket(tokens),
    filter_enabled: share(100, 'on'),
    filter_enforced: share(100, 'enforced'),
    ...more,
  });
const limitStats = (prefix: string) =>
  ['enabled', 'enforced', 'ok', 'rate_limited'].map(name => `${prefix}.http_local_rate_limit.${name}`);

const key = (value: string, descriptorKey?: string): Json => ({
  generic_key: { descriptor_value: value, ...(descriptorKey === undefined ? {} : { descriptor_key: descriptorKey }) },
});
const byHeader = (name: string, more: Json = {}): Json => ({
  request_headers: { header_name: name, descriptor_key: name, ...more },
});
const descriptor = (entries: Record<string, string>, tokens: number): Json => ({
  entries: Object.entries(entries).map(([name, value]) => ({ key: name, value })),
  token_bucket: bucket(tokens),
});

/** A step: the statuses of so many requests. */
const statuses = (path: string, count: number, headers: Record<string, string> = {}): Step => ({
  name: `${count} times ${path} ${JSON.stringify(headers)}`,
  see: async ({ ports }) => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const response = await fetch(`http://127.0.0.1:${ports.listener}${path}`, { headers });
      await response.arrayBuffer();
      found.push(response.status);
    }
    return found;
  },
});

const ruled = (prefix: string, said: Json, ...actions: Json[][]): Json =>
  telling(prefix, 'limit', said, { rate_limits: actions.map(one => ({ actions: one })) });

export const localRateLimits: Scenario = {
  name: 'local rate limits',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'limit', typed_config: typed(limitType, { stat_prefix: 'general' }) }),
        access_log: [fileLog(log, decisions)],
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          rate_limits: [{ actions: [key('host')] }],
          routes: [
            telling('/two', 'limit', limits(2)),
            telling(
              '/own',
              'limit',
              limits(1, {
                status: { code: 'ServiceUnavailable' },
                response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }],
              }),
            ),
            telling('/no-error', 'limit', limits(1, { status: { code: 'OK' } })),
            telling('/plain-grpc', 'limit', limits(1)),
            telling('/grpc-exhausted', 'limit', limits(1, { rate_limited_as_resource_exhausted: true })),
            telling(
              '/only-told',
              'limit',
              limits(1, {
                stat_prefix: 'told',
                filter_enforced: share(0, 'never'),
                request_headers_to_add_when_not_enforced: [{ header: { key: 'x-too-many', value: 'yes' } }],
              }),
              { prefix_rewrite: '/headers' },
            ),
            telling('/off', 'limit', limits(1, { stat_prefix: 'off', filter_enabled: share(0, 'off') })),
            telling('/defaults', 'limit', typed(limitType, { stat_prefix: 'defaults', token_bucket: bucket(1) })),
            telling(
              '/fills',
              'limit',
              limits(1, { token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: '0.3s' } }),
            ),
            ruled(
              '/described',
              limits(100, {
                stat_prefix: 'described',
                descriptors: [descriptor({ generic_key: 'a' }, 1), descriptor({ 'x-user': 'tester' }, 2)],
              }),
              [key('a')],
              [byHeader('x-user')],
            ),
            ruled('/pair', limits(100, { descriptors: [descriptor({ place: 'here', 'x-user': 'tester' }, 1)] }), [
              key('here', 'place'),
              byHeader('x-user'),
            ]),
            ruled('/skipping', limits(100, { descriptors: [descriptor({ place: 'here' }, 1)] }), [
              byHeader('x-user', { skip_if_absent: true }),
              key('here', 'place'),
            ]),
            ruled('/matched', limits(100, { descriptors: [descriptor({ header_match: 'beta' }, 1)] }), [
              {
                header_value_match: {
                  descriptor_value: 'beta',
                  headers: [{ name: 'x-user', string_match: { prefix: 'b' } }],
                },
              },
            ]),
            ruled('/unmatched', limits(100, { descriptors: [descriptor({ kind: 'other' }, 1)] }), [
              {
                header_value_match: {
                  descriptor_key: 'kind',
                  descriptor_value: 'other',
                  expect_match: false,
                  headers: [{ name: 'x-user', present_match: true }],
                },
              },
            ]),
            ruled('/query', limits(100, { descriptors: [descriptor({ query_match: 'q' }, 1)] }), [
              {
                query_parameter_value_match: {
                  descriptor_value: 'q',
                  query_parameters: [{ name: 'q', string_match: { exact: '1' } }],
                },
              },
            ]),
            telling('/disableable', 'limit', limits(100, { descriptors: [descriptor({ place: 'here' }, 1)] }), {
              rate_limits: [{ actions: [key('here', 'place')], disable_key: 'mine' }],
            }),
            ruled('/metadata', limits(100, { descriptors: [descriptor({ place: 'there' }, 1)] }), [
              {
                metadata: {
                  descriptor_key: 'place',
                  metadata_key: { key: 'none', path: [{ key: 'x' }] },
                  default_value: 'there',
                },
              },
            ]),
            ruled('/address', limits(100, { descriptors: [descriptor({ remote_address: '127.0.0.1' }, 1)] }), [
              { remote_address: {} },
            ]),
            ruled('/masked', limits(100, { descriptors: [descriptor({ masked_remote_address: '127.0.0.0/8' }, 1)] }), [
              { masked_remote_address: { v4_prefix_mask_len: 8 } },
            ]),
            ruled(
              '/clusters',
              limits(100, {
                descriptors: [descriptor({ destination_cluster: 'httpbin', source_cluster: 'workshop' }, 1)],
              }),
              [{ destination_cluster: {} }, { source_cluster: {} }],
            ),
            telling('/of-host', 'limit', limits(100, { descriptors: [descriptor({ generic_key: 'host' }, 1)] })),
            ruled('/not-of-host', limits(100, { descriptors: [descriptor({ generic_key: 'host' }, 1)] }), [key('own')]),
            ruled(
              '/also-of-host',
              limits(100, { vh_rate_limits: 'INCLUDE', descriptors: [descriptor({ generic_key: 'host' }, 1)] }),
              [key('own')],
            ),
            telling(
              '/never-of-host',
              'limit',
              limits(100, { vh_rate_limits: 'IGNORE', descriptors: [descriptor({ generic_key: 'host' }, 1)] }),
            ),
            ruled(
              '/not-the-default',
              limits(1, {
                always_consume_default_token_bucket: false,
                descriptors: [descriptor({ generic_key: 'a' }, 2)],
              }),
              [key('a')],
            ),
            ruled('/the-default-too', limits(1, { descriptors: [descriptor({ generic_key: 'a' }, 2)] }), [key('a')]),
            {
              ...ruled('/staged', limits(100, { stage: 1, descriptors: [descriptor({ generic_key: 'a' }, 1)] }), [
                key('a'),
              ]),
            },
            route('/', 'httpbin'),
          ],
        },
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
      bootstrap: {
        admin: { address: address(ports.admin) },
        node: { id: 'learner', cluster: 'workshop' },
        layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
      },
    }),
  steps: [
    request('/two'),
    request('/two', {}, 'the second'),
    request('/two', {}, 'the third'),
    request('/two', { method: 'HEAD' }, 'the fourth, HEAD'),
    stats(...limitStats('limited')),
    statuses('/own', 1),
    request('/own', {}, 'with a status and headers of one’s own'),
    statuses('/no-error', 2),
    request('/plain-grpc', { headers: ['content-type: application/grpc'] }),
    request('/plain-grpc', { headers: ['content-type: application/grpc'] }, 'gRPC, limited'),
    request('/grpc-exhausted', { headers: ['content-type: application/grpc'] }),
    request('/grpc-exhausted', { headers: ['content-type: application/grpc'] }, 'gRPC, resource exhausted'),
    request('/grpc-exhausted', {}, 'no gRPC, resource exhausted'),
    request('/only-told'),
    request('/only-told', {}, 'told, not enforced'),
    stats(...limitStats('told')),
    statuses('/off', 3),
    statuses('/defaults', 3),
    stats(...limitStats('off'), ...limitStats('defaults'), ...limitStats('general')),
    statuses('/fills', 2),
    {
      name: 'after the bucket filled',
      see: async place => {
        await wait(450);
        return statuses('/fills', 2).see(place);
      },
    },
    statuses('/described', 2),
    statuses('/described', 3, { 'x-user': 'tester' }),
    stats(...limitStats('described')),
    statuses('/pair', 2),
    statuses('/pair', 2, { 'x-user': 'other' }),
    statuses('/pair', 2, { 'x-user': 'tester' }),
    statuses('/skipping', 2),
    statuses('/matched', 2),
    statuses('/matched', 2, { 'x-user': 'ben' }),
    statuses('/unmatched', 2, { 'x-user': 'ben' }),
    statuses('/unmatched', 2),
    statuses('/query?q=2', 2),
    statuses('/query?q=1', 2),
    statuses('/disableable', 2),
    statuses('/metadata', 2),
    statuses('/address', 2),
    statuses('/masked', 2),
    statuses('/clusters', 2),
    statuses('/of-host', 2),
    statuses('/not-of-host', 2),
    statuses('/also-of-host', 2),
    statuses('/never-of-host', 2),
    statuses('/not-the-default', 3),
    statuses('/the-default-too', 3),
    statuses('/staged', 2),
    modify('on=0'),
    { ...statuses('/two', 2), name: 'switched off by the runtime' },
    modify('on=100&enforced=0'),
    { ...statuses('/two', 2), name: 'not enforced by the runtime' },
    stats(...limitStats('limited')),
    accessLog(76),
  ],
};
