import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from './errors.ts';
import { loadConfiguration } from './load.ts';

type Json = Record<string, unknown>;

const load = (cluster: Json, more: Json = {}) =>
  loadConfiguration({ yaml: JSON.stringify({ static_resources: { clusters: [{ name: 'a', ...cluster }] }, ...more }) });

const policy = (name: string, type: string, said: Json = {}): Json => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name,
          typed_config: { '@type': `type.googleapis.com/envoy.extensions.${type}`, ...said },
        },
      },
    ],
  },
});

const roundRobin = policy('a', 'load_balancing_policies.round_robin.v3.RoundRobin');

const refusals: [string, Json, RegExp][] = [
  ['subsets along with it', { ...roundRobin, lb_subset_config: {} }, /cannot be combined with lb_subset_config/],
  [
    'localities along with it',
    { ...roundRobin, common_lb_config: { locality_weighted_lb_config: {} } },
    /common_lb_config\.locality_weighted_lb_config: cluster: load_balancing_policy cannot be combined with partial/,
  ],
  [
    'a table whose size is no prime',
    policy('a', 'load_balancing_policies.maglev.v3.Maglev', { table_size: 100 }),
    /typed_config\.table_size: The table size of maglev must be prime number/,
  ],
  [
    'a ring that cannot be',
    policy('a', 'load_balancing_policies.ring_hash.v3.RingHash', { minimum_ring_size: 100, maximum_ring_size: 10 }),
    /typed_config\.minimum_ring_size: ring hash: minimum_ring_size \(100\) > maximum_ring_size \(10\)/,
  ],
  ['none in the list', { load_balancing_policy: {} }, /load balancer factory implementation for cluster: 'a'/],
  [
    'none at all',
    { lb_policy: 'LOAD_BALANCING_POLICY_CONFIG' },
    /lb_policy: cluster: field load_balancing_policy need/,
  ],
  ['what is none', policy('a', 'transport_sockets.raw_buffer.v3.RawBuffer'), /is no policy of load balancing/],
];

for (const [name, cluster, reason] of refusals)
  test(`a policy of load balancing that is refused: ${name}`, () => {
    assert.throws(
      () => load(cluster),
      error => error instanceof ConfigurationError && reason.test(error.message),
    );
  });

test('the cluster that the proxy belongs to has to be there', () => {
  load(roundRobin, { cluster_manager: { local_cluster_name: 'a' } });
  assert.throws(
    () => load(roundRobin, { cluster_manager: { local_cluster_name: 'b' } }),
    /cluster_manager\.local_cluster_name: local cluster 'b' must be defined/,
  );
});
