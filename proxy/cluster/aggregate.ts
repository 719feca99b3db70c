/**
 * A cluster of clusters: the priorities of each, in the order in which it names them, are its own.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/aggregate_cluster
 */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterConfig } from '../api/envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import type { UnpackedAny } from '../configuration/typed-config.ts';
import { panicThresholdOf } from '../load-balancing/balancer.ts';
import { type PriorityHealth, priorityLoad } from '../load-balancing/priority-load.ts';
import { healthOf, type Level, levelsOf } from '../load-balancing/priority-picker.ts';
import type { RuntimeNumber, RuntimeValues } from '../runtime/runtime-values.ts';
import type { Host } from './host.ts';

/** What it has to know of the clusters that it names. */
export interface Member {
  readonly hosts: readonly Host[];
  readonly overprovisioning: number;
  /** Another number whenever its hosts, or their health, are not what they were. */
  readonly generation: number;
  /** Whether it names clusters itself: then it has no hosts. */
  readonly isAggregate: boolean;
}

/** Where the next request goes: so many of 100 do. */
interface Share<Of> {
  upTo: number;
  cluster: Of;
  level: Level;
}

export class Aggregate<Of extends Member> {
  readonly #names: readonly string[];
  readonly #find: (name: string) => Of | undefined;
  readonly #panicThreshold: RuntimeNumber;
  /** What the shares were worked out from. */
  #known: { cluster: Of | undefined; generation: number }[] = [];
  #shares: readonly Share<Of>[] = [];

  /** @param find the cluster of a name, as it is now */
  constructor(
    configuration: Configuration,
    names: readonly string[],
    runtime: RuntimeValues | undefined,
    find: (name: string) => Of | undefined,
  ) {
    this.#names = names;
    this.#find = find;
    this.#panicThreshold = panicThresholdOf(configuration, runtime);
  }

  /** Undefined where no cluster that is there has a host. */
  next(): Omit<Share<Of>, 'upTo'> | undefined {
    if (this.#hasChanged()) this.#divide();
    if (this.#shares.length <= 1) return this.#shares[0];
    const point = Math.floor(Math.random() * 100) + 1;
    return this.#shares.find(({ upTo }) => point <= upTo);
  }

  #hasChanged(): boolean {
    if (this.#known.length === 0) return true;
    for (const [index, name] of this.#names.entries()) {
      const { cluster, generation } = this.#known[index]!;
      const now = this.#find(name);
      if (now !== cluster || now?.generation !== generation) return true;
    }
    return false;
  }

  #divide(): void {
    const members = this.#names.map(this.#find);
    this.#known = members.map(cluster => ({ cluster, generation: cluster?.generation ?? 0 }));
    const levels: { cluster: Of; priority: number; health: PriorityHealth }[] = [];
    for (const cluster of members) {
      if (cluster === undefined || cluster.isAggregate) continue;
      for (const [priority, hosts] of levelsOf(cluster.hosts).entries()) {
        const health = { ...healthOf(hosts, () => 1), overprovisioning: cluster.overprovisioning };
        if (hosts.length > 0) levels.push({ cluster, priority, health });
      }
    }
    const settings = { overprovisioning: 140, panicThreshold: Math.min(100, this.#panicThreshold.value) };
    const healths = levels.map(({ health }) => health);
    const load = levels.length === 0 ? undefined : priorityLoad(healths, settings);
    const shares: Share<Of>[] = [];
    let upTo = 0;
    for (const health of ['healthy', 'degraded'] as const)
      for (const [index, percent] of load?.[health].entries() ?? []) {
        if (percent === 0) continue;
        upTo += percent;
        const { cluster, priority } = levels[index]!;
        shares.push({ upTo, cluster, level: { priority, health } });
      }
    this.#shares = shares;
  }
}

/** The names of the clusters that one names; undefined where it has hosts of its own. */
export function aggregatedNames({ clusterDiscoveryType: type }: Configuration): readonly string[] | undefined {
  if (type.case !== 'clusterType') return undefined;
  return ((type.value.typedConfig as UnpackedAny | undefined)?.message as ClusterConfig | undefined)?.clusters;
}
