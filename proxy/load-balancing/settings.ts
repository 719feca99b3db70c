/** How the hosts of a cluster are chosen. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { SlowStart } from './slow-start.ts';
import { type Policy, statedPolicy } from './stated-policy.ts';
import { ZoneSettings } from './zone-routing.ts';

export interface BalancerSettings {
  readonly policy: Policy;
  /** Undefined: hosts that have just come get all of their load at once. */
  readonly slowStart: SlowStart | undefined;
  /** First a locality is chosen, by its weight, then one of its hosts. */
  readonly weightedLocalities: boolean;
  readonly zones: ZoneSettings;
  /** Where too few hosts can be used, nobody is asked. */
  readonly failsOnPanic: boolean;
  /** Least request: so many hosts are drawn. */
  readonly choiceCount: number;
  /** Least request: all hosts are looked at, and none drawn. */
  readonly fullScan: boolean;
  /** Least request, where weights differ: how much requests under way count. */
  readonly activeRequestBias: RuntimeNumber;
  readonly minimumRingSize: number;
  readonly maximumRingSize: number;
  /** Places on the ring are hashed by MurmurHash2; otherwise by xxHash. */
  readonly murmur: boolean;
  readonly tableSize: number;
  /** Hosts are hashed by their names. */
  readonly hashesHostnames: boolean;
  /** In percent of what is due to a host: what is more goes to others. 0: no bound. */
  readonly hashBalanceFactor: number;
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
  const stated = statedPolicy(configuration);
  const { policy, activeRequestBias: bias } = stated;
  return {
    policy,
    slowStart: stated.slowStart && new SlowStart(stated.slowStart, runtime),
    weightedLocalities: stated.weightedLocalities ?? false,
    zones: new ZoneSettings(stated.zoneAware, runtime),
    failsOnPanic: stated.zoneAware?.failTrafficOnPanic ?? false,
    choiceCount: stated.choiceCount ?? 2,
    fullScan: stated.fullScan ?? false,
    activeRequestBias: new RuntimeNumber(bias?.defaultValue ?? 1, bias?.runtimeKey ?? '', runtime),
    minimumRingSize: Number(stated.ringSize?.minimum ?? 1024),
    maximumRingSize: Number(stated.ringSize?.maximum ?? mostOfRing),
    murmur: stated.murmur ?? false,
    tableSize: Number(stated.tableSize ?? 65_537),
    hashesHostnames: stated.hashing?.useHostnameForHashing ?? false,
    hashBalanceFactor: stated.hashing?.hashBalanceFactor ?? 0,
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
