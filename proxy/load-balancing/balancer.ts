/** Chooses among the hosts of a cluster, as they are now. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment_Policy as LoadPolicy } from '../api/envoy/config/endpoint/v3/endpoint_pb.js';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { Host } from '../cluster/host.ts';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { StatsScope } from '../stats/store.ts';
import type { Picker } from './host-picker.ts';
import type { Locality } from './localities.ts';
import {
  choosesByHash,
  isInPanic,
  type Level,
  makeLevelPicker,
  makePriorityPicker,
  type PickerSettings,
} from './priority-picker.ts';
import { type BalancerSettings, balancerSettings } from './settings.ts';
import { SubsetIndex, SubsetStats } from './subset-index.ts';
import { makeSubsetPicker, type SubsetPickerParts } from './subset-picker.ts';
import { subsetSettings } from './subset-settings.ts';
import { type OwnCluster, ZoneStats } from './zone-routing.ts';

/** In percent: with fewer hosts that can be used, all are. */
export function panicThresholdOf({ commonLbConfig }: Configuration, runtime: RuntimeValues | undefined): RuntimeNumber {
  const percent = Math.round(commonLbConfig?.healthyPanicThreshold?.value ?? 50);
  return new RuntimeNumber(percent, 'upstream.healthy_panic_threshold', runtime);
}

export interface BalancerContext {
  runtime: RuntimeValues | undefined;
  /** Of the cluster. */
  scope: StatsScope;
  /** Of requests: there when it is asked for. */
  stats: () => ClusterStats;
  /** Where the proxy is; undefined: nobody said. */
  locality: Locality | undefined;
  /** Undefined where the proxy belongs to no cluster, or to this one. */
  own: OwnCluster | undefined;
  /** How many threads serve. */
  workers?: number | undefined;
}

export class Balancer {
  /** Whether it wants to know what a request is hashed to. */
  readonly byHash: boolean;
  pick: Picker = () => undefined;
  readonly #settings: BalancerSettings;
  readonly #context: BalancerContext;
  /** Undefined until zones matter. */
  #zoneStats: ZoneStats | undefined;
  /** Undefined where hosts are not divided. */
  readonly #subsets: Omit<SubsetPickerParts, 'pickerOf'> | undefined;
  readonly #panicThreshold: RuntimeNumber;
  #hosts: readonly Host[] = [];
  #policy: LoadPolicy | undefined;
  /** Undefined until somebody else chooses a priority. */
  #ofLevels: Map<string, Picker> | undefined;

  constructor(configuration: Configuration, context: BalancerContext) {
    const { scope, runtime } = context;
    this.#context = context;
    this.#settings = balancerSettings(configuration, scope, runtime);
    this.byHash = choosesByHash(this.#settings);
    const subsets = subsetSettings(configuration);
    if (subsets !== undefined) {
      const stats = new SubsetStats(scope, context.workers);
      this.#subsets = { settings: subsets, stats, index: new SubsetIndex(subsets, stats) };
    }
    this.#panicThreshold = panicThresholdOf(configuration, runtime);
  }

  /** Whether hosts are chosen by what they have to do. */
  get asksLoad(): boolean {
    return this.#settings.policy === 'least-request' || this.#settings.hashBalanceFactor > 0;
  }

  /** In percent: by how much more a priority can take than its share of healthy hosts. */
  get overprovisioning(): number {
    return this.#policy?.overprovisioningFactor ?? 140;
  }

  /**
   * They are chosen from at the next `weigh`.
   * @param policy how load is to be spread over them; undefined: by the defaults
   */
  setHosts(hosts: readonly Host[], policy: LoadPolicy | undefined): void {
    this.#hosts = hosts;
    this.#policy = policy;
    this.#subsets?.index.setHosts(hosts);
  }

  /** The health of hosts, or their weights, have changed: from now on requests are spread by what they are now. */
  weigh(): void {
    // The next request makes a table of hashes: that costs milliseconds, and health may change many times before.
    if (this.byHash || this.#subsets !== undefined) this.pick = this.#makeAndPick;
    else this.pick = this.#make();
    this.#ofLevels?.clear();
  }

  /** Chooses within a priority that somebody else has chosen. Subsets are not looked at. */
  pickAt(level: Level, ...asked: Parameters<Picker>): Host | undefined {
    const key = `${level.health} ${level.priority}`;
    this.#ofLevels ??= new Map();
    let pick = this.#ofLevels.get(key);
    if (pick === undefined) {
      pick = makeLevelPicker(this.#hosts, this.#pickerSettings(), level);
      this.#ofLevels.set(key, pick);
    }
    return pick(...asked);
  }

  /** Whether so few hosts of a priority are healthy that all of them are chosen from. */
  isInPanic(priority: number): boolean {
    return isInPanic(this.#hosts, this.#pickerSettings(), priority);
  }

  /** Makes what else the next request would. */
  prepare(): void {
    if (this.pick === this.#makeAndPick) this.pick = this.#make();
  }

  readonly #makeAndPick: Picker = (...asked) => {
    this.prepare();
    return this.pick(...asked);
  };

  #make(): Picker {
    const settings = this.#pickerSettings();
    const pickerOf = (hosts: readonly Host[]) => makePriorityPicker(hosts, settings);
    return this.#subsets === undefined ? pickerOf(this.#hosts) : makeSubsetPicker({ ...this.#subsets, pickerOf });
  }

  #pickerSettings(): PickerSettings {
    const { stats, locality, own, workers = 1 } = this.#context;
    const isAlone = workers === 1;
    return {
      // Within subsets, Envoy does not look at the weights of localities.
      balancer: this.#subsets === undefined ? this.#settings : { ...this.#settings, weightedLocalities: false },
      overprovisioning: this.overprovisioning,
      weightedPriorityHealth: this.#policy?.weightedPriorityHealth ?? false,
      panicThreshold: Math.min(100, this.#panicThreshold.value),
      onPanic: () => stats().healthyPanic.increment(),
      zoneStats: () => (this.#zoneStats ??= new ZoneStats(this.#context.scope, this.#context.workers)),
      active: () => (isAlone ? stats().rqActive.value : this.#hosts.reduce((sum, host) => sum + host.active, 0)),
      ...{ locality, own },
    };
  }
}
