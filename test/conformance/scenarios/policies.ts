/** Policies of load balancing that stand in an extension, bounded loads, slow starts. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Ports, readStats, request, type Scenario, type Step, stats } from '../scenario.ts';
import { routesTo, share, statuses, until } from './answers.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';
import { noPorts, order, spreadOver, users, weight, zone } from './localities.ts';

type Json = Record<string, unknown>;

/** What the extension of this name says. */
const policy = (name: string, type: string, said: Json = {}): Json => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: `envoy.load_balancing_policies.${name}`,
          typed_config: {
            '@type': `type.googleapis.com/envoy.extensions.load_balancing_policies.${name}.v3.${type}`,
            ...said,
          },
        },
      },
    ],
  },
});

const byLocality = { locality_lb_config: { locality_weighted_lb_config: {} } };
const nearest = { locality_lb_config: { zone_aware_lb_config: { min_cluster_size: 2 } } };

const clusters = ({ httpbin, raw, nobody }: Ports): Json[] => {
  const zones = [zone('a', [httpbin], weight(3)), zone('b', [raw], weight(1))];
  const hosts = [
    zone('a', [
      [httpbin, weight(3)],
      [raw, weight(1)],
    ]),
  ];
  const three = [zone('a', [httpbin, [raw, weight(2)], nobody], weight(1))];
  return [
    spreadOver('round-robin', hosts, policy('round_robin', 'RoundRobin')),
    spreadOver('localities', zones, policy('round_robin', 'RoundRobin', byLocality)),
    spreadOver('nearest', zones, policy('round_robin', 'RoundRobin', nearest)),
    spreadOver('near', zones, policy('least_request', 'LeastRequest', nearest)),
    spreadOver('least-request', hosts, policy('least_request', 'LeastRequest', { choice_count: 5 })),
    spreadOver(
      'unmoved',
      hosts,
      policy('least_request', 'LeastRequest', { active_request_bias: { default_value: 0, runtime_key: 'a' } }),
    ),
    spreadOver('all', zones, policy('least_request', 'LeastRequest', { selection_method: 'FULL_SCAN' })),
    spreadOver('random', zones, policy('random', 'Random', byLocality)),
    spreadOver('ring', three, policy('ring_hash', 'RingHash', { minimum_ring_size: 100 })),
    spreadOver(
      'murmur',
      zones,
      policy('ring_hash', 'RingHash', { hash_function: 'MURMUR_HASH_2', locality_weighted_lb_config: {} }),
    ),
    spreadOver('maglev', three, policy('maglev', 'Maglev', { table_size: 101 })),
    // What stands in the cluster beside it says nothing.
    { ...spreadOver('beside', hosts, policy('round_robin', 'RoundRobin')), lb_policy: 'RANDOM' },
  ];
};

const names = clusters(noPorts).map(({ name }) => String(name));

export const policyExtensions: Scenario = {
  name: 'policies of load balancing by extension',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: routesTo(names, { hash_policy: [{ header: { header_name: 'x-user' } }] }),
      clusters: [spreadOver('local', [zone('a', [ports.httpbin]), zone('b', [ports.raw])]), ...clusters(ports)],
      bootstrap: {
        node: { id: 'one', cluster: 'local', locality: { region: 'here', zone: 'a' } },
        cluster_manager: { local_cluster_name: 'local' },
      },
    }),
  steps: [
    ...['round-robin', 'localities', 'nearest', 'beside'].map(name => order(`/${name}/a`, 12)),
    ...['near', 'least-request', 'unmoved'].map(name => statuses(`/${name}/a`, 24)),
    share('/random/a', 404, 0.75),
    share('/all/a', 404, 0.5, 100),
    ...['ring', 'murmur', 'maglev'].map(name => users(`/${name}/a`)),
    ...['ring', 'murmur'].map(name =>
      stats(
        ...['size', 'min_hashes_per_host', 'max_hashes_per_host'].map(stat => `cluster.${name}.ring_hash_lb.${stat}`),
      ),
    ),
    stats(...['min_entries_per_host', 'max_entries_per_host'].map(stat => `cluster.maglev.maglev_lb.${stat}`)),
  ],
};

// ---- bounded loads

/** One address, as several hosts: each has places of its own in a table of hashes. */
const bounded = (name: string, port: number, more: Json, weights = [1, 1, 1, 1]): Json =>
  spreadOver(
    name,
    [
      {
        lb_endpoints: weights.map((load_balancing_weight, index) => ({
          ...{ endpoint: { address: address(port) }, load_balancing_weight },
          metadata: { filter_metadata: { 'envoy.lb': { hash_key: `host-${index}` } } },
        })),
      },
    ],
    more,
  );

const factor = (hash_balance_factor: number): Json => ({
  common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor } },
});

/** A step: requests of a few users that are not answered, one after the other; how many each host has after each. */
const held = (name: string, count: number): Step => ({
  name: `${count} requests under way to ${name}`,
  see: async ({ ports }) => {
    const giveUp = new AbortController();
    const active = `cluster.${name}.upstream_rq_active`;
    const wanted = async (value: number) => {
      const end = Date.now() + 5000;
      while ((await readStats(ports.admin, [active]))[active] !== String(value) && Date.now() < end) await wait(5);
    };
    const found: string[] = [];
    for (let i = 0; i < count; i++) {
      const headers = { 'x-user': `user-${Number(i % 5 === 4)}` };
      fetch(`http://127.0.0.1:${ports.listener}/${name}/silent`, { headers, signal: giveUp.signal }).catch(() => {});
      await wanted(i + 1);
      const told = await (await fetch(`http://127.0.0.1:${ports.admin}/clusters?filter=^${name}$`)).text();
      found.push([...told.matchAll(/::rq_active::(\d+)/g)].map(([, number]) => number).join(' '));
    }
    giveUp.abort();
    await wanted(0);
    return found;
  },
});

const boundedNames = ['ring', 'maglev', 'loose', 'weighted', 'extension', 'unbounded'];

export const boundedLoads: Scenario = {
  name: 'bounded loads',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: routesTo(boundedNames, { hash_policy: [{ header: { header_name: 'x-user' } }] }),
      clusters: [
        bounded('ring', ports.raw, { lb_policy: 'RING_HASH', ...factor(100) }),
        bounded('maglev', ports.raw, { lb_policy: 'MAGLEV', ...factor(120) }),
        bounded('loose', ports.raw, { lb_policy: 'RING_HASH', ...factor(200) }),
        bounded('weighted', ports.raw, { lb_policy: 'RING_HASH', ...factor(110) }, [1, 2, 3, 4]),
        bounded(
          'extension',
          ports.raw,
          policy('maglev', 'Maglev', { consistent_hashing_lb_config: { hash_balance_factor: 100 } }),
        ),
        bounded('unbounded', ports.raw, { lb_policy: 'RING_HASH' }),
      ],
    }),
  steps: boundedNames.map(name => held(name, 14)),
};

// ---- slow start

/**
 * A step: whether the raw host, which alone answers 200, gets its half of requests or much less.
 * @param before so many requests go before: a host that was light a moment ago waits until then
 */
const part = (path: string, name: string, before = 0): Step => ({
  name,
  see: async place => {
    await statuses(path, before).see(place);
    const { 200: raw = 0 } = (await statuses(path, 20).see(place)) as Record<string, number>;
    return raw > 0 && raw < 8 ? 'few' : raw >= 8 && raw <= 12 ? 'half' : raw;
  },
});

const pause = (ms: number, name: string): Step => ({ name, see: () => wait(ms) });
const slow = { slow_start_window: '4s' };
const paths = ['/round-robin/a', '/least-request/a', '/extension/a', '/most/a', '/without/a'];

export const slowStarts: Scenario = {
  name: 'slow starts',
  config: (ports, log) => {
    const checked = (name: string, more: Json) =>
      cluster(name, [ports.raw, ports.httpbin], {
        common_lb_config: { healthy_panic_threshold: { value: 0 }, update_merge_window: '0s' },
        health_checks: [
          {
            ...{ timeout: '1s', interval: '0.1s', no_traffic_interval: '0.1s' },
            ...{ unhealthy_threshold: 1, healthy_threshold: 1 },
            http_health_check: {
              path: '/well',
              expected_statuses: [{ start: 200, end: 405 }],
              retriable_statuses: [{ start: 500, end: 600 }],
            },
          },
        ],
        ...more,
      });
    return bootstrap(ports, log, {
      routes: [
        route('/directly/', 'direct', { prefix_rewrite: '/' }),
        ...routesTo(['round-robin', 'least-request', 'extension', 'most', 'without']),
      ],
      clusters: [
        cluster('direct', [ports.raw]),
        checked('round-robin', { round_robin_lb_config: { slow_start_config: slow } }),
        checked('least-request', {
          lb_policy: 'LEAST_REQUEST',
          least_request_lb_config: {
            slow_start_config: { ...slow, aggression: { default_value: 1, runtime_key: 'b' } },
          },
        }),
        checked('extension', policy('round_robin', 'RoundRobin', { slow_start_config: slow })),
        checked('most', {
          round_robin_lb_config: { slow_start_config: { ...slow, min_weight_percent: { value: 100 } } },
        }),
        checked('without', {}),
      ],
    });
  },
  steps: [
    ...['round-robin', 'most'].map(name => until(`cluster.${name}.membership_healthy`, 2)),
    part('/round-robin/a', 'all of them start'),
    pause(4200, 'all of them have started'),
    request('/directly/ill'),
    ...paths.map(path => until(`cluster.${path.split('/')[1]}.membership_healthy`, 1)),
    request('/directly/heal'),
    ...paths.map(path => until(`cluster.${path.split('/')[1]}.membership_healthy`, 2)),
    ...paths.map(path => part(path, `${path}, as one starts again`)),
    pause(4200, 'it has started'),
    ...paths.filter(path => !path.startsWith('/least')).map(path => part(path, `${path}, later`, 20)),
  ],
};

// ---- changes that come one after the other

const checkedBy = (more: Json): Json => ({
  health_checks: [
    {
      ...{
        timeout: '1s',
        interval: '0.05s',
        no_traffic_interval: '0.05s',
        unhealthy_threshold: 1,
        healthy_threshold: 1,
      },
      http_health_check: {
        path: '/well',
        expected_statuses: [{ start: 200, end: 405 }],
        retriable_statuses: [{ start: 500, end: 600 }],
      },
    },
  ],
  common_lb_config: { healthy_panic_threshold: { value: 0 }, ...more },
});

const updates = stats(
  ...['cluster_updated', 'cluster_updated_via_merge', 'update_merge_cancelled', 'update_out_of_merge_window'].map(
    stat => `cluster_manager.${stat}`,
  ),
);

/** Only the first change of a host's health is heard of before the window ends. */
export const updateWindows: Scenario = {
  name: 'windows of updates',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [route('/directly/', 'direct', { prefix_rewrite: '/' }), ...routesTo(['slow', 'quick'])],
      clusters: [
        cluster('direct', [ports.raw]),
        cluster('slow', [ports.raw, ports.httpbin], checkedBy({ update_merge_window: '4s' })),
        cluster('quick', [ports.raw, ports.httpbin], checkedBy({ update_merge_window: '0s' })),
      ],
    }),
  steps: ['/ill', '/heal', '/ill', '/heal']
    .flatMap((path, index) => [
      { ...request(`/directly${path}`), name: `${index}: ${path}` },
      ...['slow', 'quick'].map(name => {
        const step = until(`cluster.${name}.membership_healthy`, path === '/ill' ? 1 : 2);
        return { ...step, name: `${index}: ${step.name}` };
      }),
      ...['slow', 'quick'].map(name => statuses(`/${name}/a`, 10, `${index}: ten requests of ${name}`)),
      { ...updates, name: `${index}: updates` },
    ])
    .concat([
      pause(4200, 'the window ends'),
      statuses('/slow/a', 10, 'ten requests after the end of the window'),
      { ...updates, name: 'updates after the end of the window' },
    ]),
};
