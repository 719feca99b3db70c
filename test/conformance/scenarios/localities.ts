/** How load is spread over the localities of a cluster: by their weights, and by where the proxy itself is. */
import { type Ports, type Scenario, type Step, stats } from '../scenario.ts';
import { routesTo, share, statuses } from './answers.ts';
import { address, bootstrap, cluster } from './configuration.ts';

type Json = Record<string, unknown>;

/** A host: its port, and what is said of it. */
type Endpoint = number | [port: number, more: Json];

/** Hosts of a zone. */
export const zone = (name: string, hosts: Endpoint[], more: Json = {}): Json => ({
  locality: { region: 'here', zone: name },
  lb_endpoints: hosts.map(host => {
    const [port, said] = typeof host === 'number' ? [host, {}] : host;
    return { endpoint: { address: address(port) }, ...said };
  }),
  ...more,
});

/** Where names alone are wanted. */
export const noPorts: Ports = { http2: 0, listener: 0, admin: 0, httpbin: 0, raw: 0, nobody: 0 };

export const weight = (load_balancing_weight: number): Json => ({ load_balancing_weight });
const ill = { health_status: 'UNHEALTHY' };

export const spreadOver = (name: string, endpoints: Json[], more: Json = {}, policy: Json = {}): Json => ({
  ...cluster(name, [], more),
  load_assignment: { cluster_name: name, endpoints, policy },
});

/** A step: the answers one after the other, from wherever in the round the proxy begins. */
export const order = (path: string, count: number): Step => ({
  name: `the order of ${count} requests of ${path}`,
  see: async ({ ports }) => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const response = await fetch(`http://127.0.0.1:${ports.listener}${path}`);
      await response.arrayBuffer();
      found.push(response.status);
    }
    const turns = found.map((_, at) => [...found.slice(at), ...found.slice(0, at)].join(' '));
    return turns.sort()[0];
  },
});

/** A step: what came of many requests, each of another user. */
export const users = (path: string): Step => ({
  name: `sixty users of ${path}`,
  see: async ({ ports }) => {
    const found: number[] = [];
    for (let i = 0; i < 60; i++) {
      const response = await fetch(`http://127.0.0.1:${ports.listener}${path}`, { headers: { 'x-user': `user-${i}` } });
      await response.arrayBuffer();
      found.push(response.status);
    }
    return found.join(' ');
  },
});

const weighted = (more: Json = {}, common: Json = {}): Json => ({
  common_lb_config: { locality_weighted_lb_config: {}, ...common },
  ...more,
});

const byWeights = (ports: Ports): Json[] => {
  const { httpbin, raw, nobody } = ports;
  const threeToOne = [zone('a', [httpbin], weight(3)), zone('b', [raw], weight(1))];
  const half = [zone('a', [httpbin, [nobody, ill]], weight(2)), zone('b', [raw], weight(1))];
  const inner = [zone('a', [httpbin, [nobody, weight(3)]], weight(2)), zone('b', [raw], weight(1))];
  return [
    spreadOver('plain', threeToOne, weighted()),
    spreadOver('unasked', threeToOne),
    spreadOver('inner', inner, weighted()),
    spreadOver('half', half, weighted(), { overprovisioning_factor: 100 }),
    spreadOver('factor', half, weighted()),
    spreadOver('unweighted', [zone('a', [httpbin]), zone('b', [raw], weight(1))], weighted()),
    spreadOver('no-weights', [zone('a', [httpbin]), zone('b', [raw])], weighted()),
    spreadOver('twice', [...threeToOne, zone('a', [nobody], weight(1))], weighted()),
    spreadOver('random', threeToOne, weighted({ lb_policy: 'RANDOM' })),
    spreadOver('least', threeToOne, weighted({ lb_policy: 'LEAST_REQUEST' })),
    spreadOver(
      'second',
      [zone('a', [[httpbin, ill]], weight(3)), ...threeToOne.map(level => ({ ...level, priority: 1 }))],
      weighted(),
    ),
    spreadOver(
      'degraded',
      [
        zone('a', [[httpbin, { health_status: 'DEGRADED' }]], weight(3)),
        zone('b', [[raw, { health_status: 'DEGRADED' }]], weight(1)),
      ],
      weighted(),
    ),
    spreadOver('panic', [zone('a', [[httpbin, ill]], weight(3)), zone('b', [[raw, ill]], weight(1))], weighted()),
    spreadOver('ring', inner, weighted({ lb_policy: 'RING_HASH' })),
    spreadOver('maglev', inner, weighted({ lb_policy: 'MAGLEV' })),
    spreadOver('half-ring', half, weighted({ lb_policy: 'RING_HASH' })),
    spreadOver('half-maglev', half, weighted({ lb_policy: 'MAGLEV' })),
    spreadOver('flat-ring', inner, { lb_policy: 'RING_HASH' }),
    spreadOver('no-weights-ring', [zone('a', [httpbin]), zone('b', [raw])], weighted({ lb_policy: 'RING_HASH' })),
    spreadOver(
      'unweighted-ring',
      [zone('a', [httpbin]), zone('b', [raw], weight(1))],
      weighted({ lb_policy: 'RING_HASH' }),
    ),
    spreadOver('edf', [
      zone('a', [
        [httpbin, weight(5)],
        [raw, weight(3)],
        [nobody, weight(2)],
      ]),
    ]),
    spreadOver('edf-even', [
      zone('a', [
        [httpbin, weight(4)],
        [raw, weight(1)],
        [nobody, weight(1)],
      ]),
    ]),
  ];
};

const names = byWeights(noPorts).map(({ name }) => String(name));

export const localityWeights: Scenario = {
  name: 'weights of localities',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: routesTo(names, { hash_policy: [{ header: { header_name: 'x-user' } }] }),
      clusters: byWeights(ports),
    }),
  steps: [
    ...['plain', 'unasked', 'unweighted', 'no-weights', 'second', 'degraded', 'panic', 'edf-even'].map(name =>
      order(`/${name}/a`, 24),
    ),
    order('/edf/a', 20),
    ...['inner', 'half', 'twice', 'random-not', 'least']
      .filter(name => names.includes(name))
      .map(name => statuses(`/${name}/a`, 24)),
    share('/factor/a', 404, 1.4 / 2.4),
    share('/random/a', 404, 0.75),
    ...['ring', 'maglev', 'half-ring', 'half-maglev', 'flat-ring', 'no-weights-ring', 'unweighted-ring'].map(name =>
      users(`/${name}/a`),
    ),
    ...['ring', 'half-ring', 'flat-ring', 'no-weights-ring', 'unweighted-ring'].map(name =>
      stats(
        ...['size', 'min_hashes_per_host', 'max_hashes_per_host'].map(stat => `cluster.${name}.ring_hash_lb.${stat}`),
      ),
    ),
    ...['maglev', 'half-maglev'].map(name =>
      stats(...['min_entries_per_host', 'max_entries_per_host'].map(stat => `cluster.${name}.maglev_lb.${stat}`)),
    ),
    stats('cluster.panic.lb_healthy_panic', 'cluster.plain.lb_healthy_panic'),
  ],
};

// ---- zones

const zoneAware = (more: Json = {}): Json => ({
  common_lb_config: { zone_aware_lb_config: { min_cluster_size: 2, ...more } },
});

const near = (ports: Ports): Json[] => {
  const { httpbin, raw, nobody } = ports;
  const even = [zone('b', [raw]), zone('a', [httpbin])];
  const less = [zone('b', [raw, nobody]), zone('a', [httpbin])];
  return [
    spreadOver('direct', even, zoneAware()),
    spreadOver('small', even),
    spreadOver('least', even, { ...zoneAware(), lb_policy: 'LEAST_REQUEST' }),
    spreadOver('random', even, { ...zoneAware(), lb_policy: 'RANDOM' }),
    spreadOver('ring', even, { ...zoneAware(), lb_policy: 'RING_HASH' }),
    spreadOver('residual', less, zoneAware()),
    spreadOver('elsewhere', [zone('b', [raw]), zone('c', [httpbin])], zoneAware()),
    spreadOver('one', [zone('b', [raw, httpbin])], zoneAware()),
    spreadOver('off', even, zoneAware({ routing_enabled: { value: 0 } })),
    spreadOver('sometimes', even, zoneAware({ routing_enabled: { value: 50 } })),
    spreadOver('ill', [zone('b', [raw]), zone('a', [[httpbin, ill]])], zoneAware()),
    spreadOver('panic', [zone('b', [[raw, ill]]), zone('a', [[httpbin, ill]])], zoneAware()),
    spreadOver(
      'fail',
      [zone('b', [[raw, ill]]), zone('a', [[httpbin, ill]])],
      zoneAware({ fail_traffic_on_panic: true }),
    ),
    spreadOver(
      'second',
      [zone('b', [[raw, ill]]), zone('b', [raw], { priority: 1 }), zone('a', [httpbin], { priority: 1 })],
      zoneAware(),
    ),
    spreadOver('heavy', [zone('b', [raw]), zone('a', [[httpbin, weight(1)]])], zoneAware()),
    spreadOver('weighted', [zone('b', [raw], weight(3)), zone('a', [httpbin], weight(1))], weighted()),
  ];
};

const zoned = near(noPorts).map(({ name }) => String(name));

const zoneStats = (name: string): Step =>
  stats(
    ...[
      ...['lb_zone_routing_all_directly', 'lb_zone_cluster_too_small', 'lb_zone_no_capacity_left'],
      ...['lb_local_cluster_not_ok', 'lb_healthy_panic'],
    ].map(stat => `cluster.${name}.${stat}`),
  );

/** The proxy is in zone `a`, beside another one in `b`. */
const inZones =
  (local: (ports: Ports) => Json[]): Scenario['config'] =>
  (ports, log) =>
    bootstrap(ports, log, {
      routes: routesTo(zoned, { hash_policy: [{ header: { header_name: 'x-user' } }] }),
      clusters: [spreadOver('local', local(ports)), ...near(ports)],
      bootstrap: {
        node: { id: 'one', cluster: 'local', locality: { region: 'here', zone: 'a' } },
        cluster_manager: { local_cluster_name: 'local' },
        layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
      },
    });

const common: Step[] = [
  ...['direct', 'small', 'elsewhere', 'one', 'off', 'ill', 'panic', 'fail', 'second', 'heavy'].map(name =>
    order(`/${name}/a`, 8),
  ),
  order('/weighted/a', 8),
  users('/ring/a'),
];

export const zones: Scenario = {
  name: 'zones',
  config: inZones(({ httpbin, raw }) => [zone('a', [httpbin]), zone('b', [raw])]),
  steps: [
    ...common,
    statuses('/least/a', 8),
    statuses('/random/a', 8),
    share('/residual/a', 404, 0.6666),
    share('/sometimes/a', 404, 0.75),
    ...zoned.filter(name => name !== 'sometimes').map(zoneStats),
  ],
};

export const illZones: Scenario = {
  name: 'zones of a proxy whose own cluster is ill',
  config: inZones(({ httpbin, raw }) => [zone('a', [[httpbin, ill]]), zone('b', [[raw, ill]])]),
  steps: [...common, ...zoned.filter(name => name !== 'sometimes').map(zoneStats)],
};
