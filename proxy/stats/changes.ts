/** What a worker's stats changed since it was asked before, for the store of all workers. */
import type { StatsStore } from './store.ts';

export interface StatChanges {
  /** What was added. */
  counters: readonly (readonly [name: string, more: number])[];
  /** What they are. */
  gauges: readonly (readonly [name: string, value: number, used: boolean])[];
  histograms: readonly (readonly [name: string, bins: readonly (readonly [bin: number, count: number])[]])[];
}

/**
 * What only the first worker tells of: it has the sources of configuration, of hosts and of their health, and knows the limits of all. The others do the
 * same once more, which is no news.
 */
const toldByFirst = new RegExp(
  [
    // Envoy counts a listener that is made for each worker.
    '^listener_manager\\.(?!listener_create_success$)',
    '^(cluster_manager|server|runtime|filesystem|sds|control_plane)\\.',
    '^http\\..*\\.(rds|scoped_rds)\\.',
    '^cluster\\..*\\.(membership_|update_|assignment_)\\w+$',
    '^cluster\\..*\\.(circuit_breakers|outlier_detection|health_check|ring_hash_lb|maglev_lb|control_plane)\\.\\w+(\\.\\w+)?$',
    '^cluster\\..*\\.(max_host_weight|version|warming_state|init_fetch_timeout)$',
    '^cluster\\..*\\.lb_subsets_(active|created|removed|single_host_per_subset_duplicate)$',
    '^cluster\\..*\\.lb_(recalculate_zone_structures|zone_cluster_too_small)$',
    '\\.(ssl_context_update_by_sds|total_match_count)$',
    '\\.ssl\\.certificate\\..*\\.expiration_unix_time_seconds$',
  ].join('|'),
);

export class ChangeTaker {
  readonly #store: StatsStore;
  /** What was told of each; a stat that was removed and made anew begins anew. */
  readonly #told = new WeakMap<object, number>();
  readonly #own = new WeakMap<object, boolean>();

  constructor(store: StatsStore) {
    this.#store = store;
  }

  take(): StatChanges {
    this.#store.countTraffic();
    const counters: [string, number][] = [];
    for (const counter of this.#store.counters.values())
      if (this.#isNews(counter, counter.value)) {
        counters.push([counter.name, counter.value - (this.#told.get(counter) ?? 0)]);
        this.#told.set(counter, counter.value);
      }
    const gauges: [string, number, boolean][] = [];
    for (const gauge of this.#store.gauges.values())
      if (this.#isNews(gauge, gauge.value)) {
        gauges.push([gauge.name, gauge.value, gauge.used]);
        this.#told.set(gauge, gauge.value);
      }
    const histograms: [string, [number, number][]][] = [];
    for (const histogram of this.#store.histograms.values())
      if (this.#isNews(histogram, histogram.pending.count > 0 ? Number.NaN : 0)) {
        histograms.push([histogram.name, histogram.pending.take()]);
        this.#told.set(histogram, 0);
      }
    return { counters, gauges, histograms };
  }

  /** Also that there is one at all. */
  #isNews(stat: { name: string }, value: number): boolean {
    let own = this.#own.get(stat);
    if (own === undefined) {
      own = !toldByFirst.test(stat.name);
      this.#own.set(stat, own);
    }
    return own && this.#told.get(stat) !== value;
  }
}

/** Takes what another worker tells into the store of all. */
export class ChangeMerger {
  readonly #store: StatsStore;
  /** Scopes that were removed: a worker that has not heard of it yet may still tell of them. */
  #removed: { prefix: string; untilMs: number }[] = [];

  constructor(store: StatsStore) {
    this.#store = store;
    store.onScopeRemoved = prefix => this.#removed.push({ prefix, untilMs: performance.now() + forgottenAfterMs });
  }

  /** @param worker its index */
  merge(worker: number, { counters, gauges, histograms }: StatChanges): void {
    this.#forget();
    for (const [name, more] of counters)
      if (this.#isWanted(name)) {
        const counter = this.#store.counter(name);
        if (more !== 0) counter.add(more);
      }
    for (const [name, value, used] of gauges)
      if (this.#isWanted(name)) {
        const gauge = this.#store.gauge(name);
        gauge.others ??= [];
        gauge.others[worker] = value;
        gauge.used ||= used;
      }
    for (const [name, bins] of histograms) if (this.#isWanted(name)) this.#store.histogram(name).pending.add(bins);
  }

  #isWanted(name: string): boolean {
    return !this.#removed.some(({ prefix }) => name.startsWith(prefix));
  }

  /** Also what came again meanwhile. */
  #forget(): void {
    if (this.#removed.length === 0) return;
    const nowMs = performance.now();
    this.#removed = this.#removed.filter(({ prefix, untilMs }) => untilMs > nowMs && !this.#store.has(prefix));
  }
}

const forgottenAfterMs = 10_000;
