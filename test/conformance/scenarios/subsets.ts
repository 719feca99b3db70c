/** Clusters that divide their hosts by metadata, and routes that ask for some of them. */
import { type Ports, type Scenario, type Step, stats } from '../scenario.ts';
import { share, statuses } from './answers.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';

type Json = Record<string, unknown>;

const asks = (fields: Json): Json => ({ metadata_match: { filter_metadata: { 'envoy.lb': fields } } });

interface Member {
  port: number;
  fields: Json;
  health?: string;
  priority?: number;
}

function divided(name: string, members: Member[], subsets: Json, more: Json = {}): Json {
  const endpoints = [0, 1].map(priority => ({
    priority,
    lb_endpoints: members
      .filter(member => (member.priority ?? 0) === priority)
      .map(({ port, fields, health = 'HEALTHY' }) => ({
        endpoint: { address: address(port) },
        health_status: health,
        metadata: { filter_metadata: { 'envoy.lb': fields } },
      })),
  }));
  return {
    ...cluster(name, [], { lb_subset_config: subsets, ...more }),
    load_assignment: { cluster_name: name, endpoints: endpoints.filter(({ lb_endpoints: found }) => found.length > 0) },
  };
}

const both = ({ httpbin, raw }: Ports): Member[] => [
  { port: httpbin, fields: { version: '1', stage: 'dev', kind: ['a', 'b'] } },
  { port: raw, fields: { version: '2', stage: 'prod', kind: 'c' } },
];

const selectors = (...lists: string[][]): Json[] => lists.map(keys => ({ keys }));

const clusters = (ports: Ports): Json[] => {
  const { httpbin, raw, nobody } = ports;
  const by = (name: string, config: Json) => divided(name, both(ports), config);
  const version = selectors(['version']);
  const prod = { version: '3', stage: 'prod' };
  return [
    by('none', { fallback_policy: 'NO_FALLBACK', subset_selectors: selectors(['version'], ['version', 'stage']) }),
    by('any', { fallback_policy: 'ANY_ENDPOINT', subset_selectors: version }),
    by('default', {
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { stage: 'prod' },
      subset_selectors: version,
    }),
    by('panic', {
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { stage: 'test' },
      panic_mode_any: true,
      subset_selectors: version,
    }),
    by('no-panic', { fallback_policy: 'NO_FALLBACK', panic_mode_any: true, subset_selectors: version }),
    by('lists', { list_as_any: true, subset_selectors: selectors(['kind'], ['kind', 'version']) }),
    by('whole-lists', { subset_selectors: selectors(['kind']) }),
    by('unselected', { fallback_policy: 'NO_FALLBACK' }),
    by('own', {
      fallback_policy: 'ANY_ENDPOINT',
      default_subset: { version: '2' },
      subset_selectors: [
        { keys: ['stage'], fallback_policy: 'NO_FALLBACK' },
        { keys: ['version'], fallback_policy: 'DEFAULT_SUBSET' },
        { keys: ['kind'], fallback_policy: 'ANY_ENDPOINT' },
        { keys: ['version', 'stage'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['stage'] },
        { keys: ['version', 'kind'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['version'] },
      ],
    }),
    by('shadowed', {
      fallback_policy: 'NO_FALLBACK',
      subset_selectors: [{ keys: ['stage', 'version'] }, { keys: ['stage'], fallback_policy: 'ANY_ENDPOINT' }],
    }),
    by('chain', { metadata_fallback_policy: 'FALLBACK_LIST', subset_selectors: version }),
    divided(
      'single',
      [
        { port: raw, fields: { version: '1' }, health: 'UNHEALTHY' },
        { port: nobody, fields: { version: '1' } },
        { port: httpbin, fields: { version: '1' }, priority: 1 },
        { port: httpbin, fields: { version: '2' }, priority: 1 },
      ],
      { subset_selectors: [{ keys: ['version'], single_host_per_subset: true }] },
    ),
    divided(
      'ill',
      [
        { port: raw, fields: { version: '1' }, health: 'UNHEALTHY' },
        { port: httpbin, fields: { version: '2' } },
        { port: httpbin, fields: prod },
        { port: raw, fields: { ...prod, hash_key: 'b' }, health: 'UNHEALTHY' },
      ],
      { fallback_policy: 'ANY_ENDPOINT', subset_selectors: selectors(['version']) },
      { common_lb_config: { healthy_panic_threshold: { value: 0 } } },
    ),
    divided(
      'levels',
      [
        { port: raw, fields: { version: '1' }, health: 'UNHEALTHY' },
        { port: httpbin, fields: { version: '2' } },
        { port: httpbin, fields: { version: '1' }, priority: 1 },
      ],
      { subset_selectors: version },
    ),
  ];
};

/** Each is reached by its number: what is asked of which cluster. */
const asked: [string, Json | undefined][] = [
  ['none', { version: '1' }],
  ['none', { version: '2' }],
  ['none', { version: '3' }],
  ['none', undefined],
  ['none', {}],
  ['none', { version: 1 }],
  ['none', { stage: 'dev' }],
  ['none', { stage: 'dev', version: '1' }],
  ['none', { stage: 'dev', version: '2' }],
  ['none', { stage: 'dev', version: '1', more: 'x' }],
  ['any', { version: '2' }],
  ['any', { version: '3' }],
  ['any', undefined],
  ['default', { version: '1' }],
  ['default', { version: '3' }],
  ['default', undefined],
  ['panic', { version: '3' }],
  ['no-panic', { version: '3' }],
  ['lists', { kind: 'a' }],
  ['lists', { kind: 'b', version: '1' }],
  ['lists', { kind: 'c' }],
  ['lists', { kind: ['a', 'b'] }],
  ['whole-lists', { kind: ['a', 'b'] }],
  ['whole-lists', { kind: ['b', 'a'] }],
  ['whole-lists', { kind: 'a' }],
  ['unselected', { version: '3' }],
  ['own', { stage: 'test' }],
  ['own', { version: '3' }],
  ['own', { kind: 'z' }],
  ['own', { version: '3', stage: 'prod' }],
  ['own', { version: '3', stage: 'test' }],
  ['own', { version: '1', kind: 'z' }],
  ['own', { version: '3', kind: 'z' }],
  ['own', { more: 'x' }],
  ['shadowed', { stage: 'test' }],
  ['shadowed', { stage: 'dev' }],
  ['chain', { fallback_list: [{ version: '3' }, { version: '2' }] }],
  ['chain', { version: '1', fallback_list: [] }],
  ['chain', { version: '1', fallback_list: [{ version: '2' }, { version: '1' }] }],
  ['chain', { fallback_list: [{ version: '4' }, { stage: 'dev' }] }],
  ['single', { version: '1' }],
  ['single', { version: '2' }],
  ['single', { version: '3' }],
  ['ill', { version: '1' }],
  ['ill', { version: '3' }],
  ['levels', { version: '1' }],
  ['levels', { version: '2' }],
];

const names = [...new Set(asked.map(([name]) => name))];

const counts = (name: string): Step =>
  stats(
    ...[
      ...['active', 'created', 'removed', 'selected', 'fallback', 'fallback_panic'].map(stat => `lb_subsets_${stat}`),
      ...['lb_subsets_single_host_per_subset_duplicate', 'lb_healthy_panic', 'upstream_cx_none_healthy'],
    ].map(stat => `cluster.${name}.${stat}`),
  );

/** httpbin answers 404 to `/a`, the raw host 200. */
export const subsets: Scenario = {
  name: 'subsets of hosts',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        ...asked.map(([name, fields], i) =>
          route(`/${i}/`, name, { prefix_rewrite: '/', ...(fields && asks(fields)) }),
        ),
        {
          match: { prefix: '/weighted/' },
          route: {
            prefix_rewrite: '/',
            ...asks({ stage: 'dev', version: '2' }),
            weighted_clusters: { clusters: [{ name: 'none', weight: 1, ...asks({ version: '1' }) }] },
          },
        },
        {
          match: { prefix: '/inherited/' },
          route: {
            prefix_rewrite: '/',
            ...asks({ version: '2' }),
            weighted_clusters: { clusters: [{ name: 'none', weight: 1 }] },
          },
        },
        {
          match: { prefix: '/shares/' },
          route: {
            prefix_rewrite: '/',
            weighted_clusters: {
              clusters: [
                { name: 'none', weight: 1, ...asks({ version: '1' }) },
                { name: 'none', weight: 3, ...asks({ version: '2' }) },
              ],
            },
          },
        },
        route('/other/', 'none', {
          prefix_rewrite: '/',
          metadata_match: { filter_metadata: { other: { version: '1' } } },
        }),
        route('/retried/', 'none', {
          prefix_rewrite: '/',
          ...asks({ version: '1' }),
          retry_policy: { retry_on: 'retriable-status-codes', retriable_status_codes: [404], num_retries: 2 },
        }),
      ],
      clusters: clusters(ports),
    }),
  steps: [
    ...names.map(name => ({ ...counts(name), name: `${name} before any request` })),
    ...asked.map(([name, fields], i) => statuses(`/${i}/a`, 8, `${i}: ${name} is asked for ${JSON.stringify(fields)}`)),
    statuses('/weighted/a', 4),
    statuses('/inherited/a', 4),
    share('/shares/a', 200, 0.75),
    statuses('/other/a', 2),
    statuses('/retried/a', 2),
    ...names.map(counts),
  ],
};
