/** The hosts of a cluster, divided by their metadata. */
import type { Host } from '../cluster/host.ts';
import type { Json } from '../configuration/json.ts';
import { canonical } from '../configuration/json.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { subsetKey } from './metadata-criteria.ts';
import type { SubsetSettings } from './subset-settings.ts';

export interface Subset {
  hosts: Host[];
  /** Only one host is in it, and is used whatever its health. */
  single: boolean;
}

export class SubsetStats {
  readonly active: Gauge;
  readonly created: Counter;
  readonly removed: Counter;
  readonly selected: Counter;
  readonly fallback: Counter;
  readonly fallbackPanic: Counter;
  readonly singleDuplicate: Gauge;
  /** Envoy counts the subsets of each thread that balances: of its main thread, and of its workers. */
  readonly threads: number;

  /** @param scope of the cluster */
  constructor(scope: StatsScope, workers = 1) {
    this.threads = 1 + workers;
    this.active = scope.gauge('lb_subsets_active');
    this.created = scope.counter('lb_subsets_created');
    this.removed = scope.counter('lb_subsets_removed');
    this.selected = scope.counter('lb_subsets_selected');
    this.fallback = scope.counter('lb_subsets_fallback');
    this.fallbackPanic = scope.counter('lb_subsets_fallback_panic');
    this.singleDuplicate = scope.gauge('lb_subsets_single_host_per_subset_duplicate');
  }
}

export class SubsetIndex {
  readonly #settings: SubsetSettings;
  readonly #stats: SubsetStats;
  #subsets = new Map<string, Subset>();
  #all: readonly Host[] = [];
  #default: readonly Host[] = [];

  constructor(settings: SubsetSettings, stats: SubsetStats) {
    this.#settings = settings;
    this.#stats = stats;
  }

  /** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/subsets */
  setHosts(hosts: readonly Host[]): void {
    const before = this.#subsets;
    this.#all = hosts;
    this.#default = hosts.filter(host => this.#isDefault(host));
    this.#subsets = new Map();
    const last = Math.max(...hosts.map(({ priority }) => priority));
    let duplicates = 0;
    for (const host of [...hosts].sort((a, b) => a.priority - b.priority)) {
      const refused = this.#add(host);
      // In Envoy, what is told of one priority takes the place of what was told of the one before.
      if (host.priority === last) duplicates += refused;
    }
    this.#stats.singleDuplicate.set(duplicates);
    this.#stats.created.add(this.#stats.threads * [...this.#subsets.keys()].filter(key => !before.has(key)).length);
    this.#stats.removed.add(this.#stats.threads * [...before.keys()].filter(key => !this.#subsets.has(key)).length);
    this.#stats.active.set(this.#stats.threads * this.#subsets.size);
  }

  /** All hosts, or those of the default subset. */
  hostsOf(fallback: 'any' | 'default'): readonly Host[] {
    return fallback === 'any' ? this.#all : this.#default;
  }

  find(key: string): Subset | undefined {
    return this.#subsets.get(key);
  }

  /** Puts a host into the subsets that it is in. Returns how many of those of a single host had one of its priority already. */
  #add(host: Host): number {
    let duplicates = 0;
    for (const { keys, singleHost } of this.#settings.selectors)
      for (const values of this.#combinations(keys, host)) {
        const key = subsetKey(values);
        const known = this.#subsets.get(key);
        if (known === undefined) this.#subsets.set(key, { hosts: [host], single: singleHost });
        else if (!known.single) known.hosts.push(...(known.hosts.includes(host) ? [] : [host]));
        else if (known.hosts[0]!.priority === host.priority) duplicates++;
      }
    return duplicates;
  }

  /** The values of these keys, where a host has all of them; more than once where lists stand for each of their values. */
  #combinations(keys: readonly string[], host: Host): [string, Json][][] {
    let found: [string, Json][][] = [[]];
    for (const key of keys) {
      const value = host.metadata?.[key];
      if (value === undefined) return [];
      const values = this.#settings.listAsAny && Array.isArray(value) ? value : [value];
      found = found.flatMap(before => values.map((one): [string, Json][] => [...before, [key, one]]));
    }
    return keys.length === 0 ? [] : found;
  }

  #isDefault(host: Host): boolean {
    return Object.entries(this.#settings.defaultSubset).every(([key, wanted]) => {
      const value = host.metadata?.[key];
      if (value === undefined) return false;
      const values = this.#settings.listAsAny && Array.isArray(value) ? value : [value];
      return values.some(one => canonical(one) === canonical(wanted));
    });
  }
}
