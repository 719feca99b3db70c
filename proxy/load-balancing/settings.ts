/** How the hosts of a cluster are chosen. */
import { Cluster_RingHashLbConfig_HashFunction as HashFunction, Cluster_LbPolicy as LbPolicy } from '../api/enums.js';
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

export type Policy = 'round-robin' | 'least-request' | 'random' | 'ring-hash' | 'maglev';

const policies: Partial<Record<LbPolicy, Policy>> = {
  [LbPolicy.LEAST_REQUEST]: 'least-request',
  [LbPolicy.RANDOM]: 'random',
  [LbPolicy.RING_HASH]: 'ring-hash',
  [LbPolicy.MAGLEV]: 'maglev',
};

export interface BalancerSettings {
  readonly policy: Policy;
  /** Least request: so many hosts are drawn. */
  readonly choiceCount: number;
  /** Least request, where weights differ: how much requests under way count. */
  readonly activeRequestBias: RuntimeNumber;
  readonly minimumRingSize: number;
  readonly maximumRingSize: number;
  /** Places on the ring are hashed by MurmurHash2; otherwise by xxHash. */
  readonly murmur: boolean;
  readonly tableSize: number;
  /** Hosts are hashed by their names. */
  readonly hashesHostnames: boolean;
  /** What the table of a hash policy holds, told whenever it is made. */
  readonly onTable: (size: number, fewest: number, most: number) => void;
}

const mostOfRing = 8 * 1024 * 1024;

/** @param scope of the cluster */
export function balancerSettings(
  configuration: Configuration,
  scope: StatsScope,
  runtime: RuntimeValues | undefined,
): BalancerSettings {
  const { lbConfig, commonLbConfig } = configuration;
  const least = lbConfig.case === 'leastRequestLbConfig' ? lbConfig.value : undefined;
  const ring = lbConfig.case === 'ringHashLbConfig' ? lbConfig.value : undefined;
  const maglev = lbConfig.case === 'maglevLbConfig' ? lbConfig.value : undefined;
  const bias = least?.activeRequestBias;
  const policy = policies[configuration.lbPolicy] ?? 'round-robin';
  return {
    policy,
    choiceCount: least?.choiceCount ?? 2,
    activeRequestBias: new RuntimeNumber(bias?.defaultValue ?? 1, bias?.runtimeKey ?? '', runtime),
    minimumRingSize: Number(ring?.minimumRingSize ?? 1024),
    maximumRingSize: Number(ring?.maximumRingSize ?? mostOfRing),
    murmur: ring?.hashFunction === HashFunction.MURMUR_HASH_2,
    tableSize: Number(maglev?.tableSize ?? 65_537),
    hashesHostnames: commonLbConfig?.consistentHashingLbConfig?.useHostnameForHashing ?? false,
    onTable: tableGauges(policy, scope),
  };
}

function tableGauges(policy: Policy, scope: StatsScope): BalancerSettings['onTable'] {
  if (policy === 'maglev') {
    const own = scope.scope('maglev_lb.');
    const [fewest, most] = ['min_entries_per_host', 'max_entries_per_host'].map(name => own.gauge(name)) as Gauge[];
    return (_, least, greatest) => {
      fewest!.set(least);
      most!.set(greatest);
    };
  }
  if (policy !== 'ring-hash') return () => {};
  const own = scope.scope('ring_hash_lb.');
  const names = ['size', 'min_hashes_per_host', 'max_hashes_per_host'];
  const gauges = names.map(name => own.gauge(name));
  return (...values) => {
    for (const [index, value] of values.entries()) gauges[index]!.set(value);
  };
}
