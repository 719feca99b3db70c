/** Takes from the store what a query asks for, sorted by name. */
import type { Counter, Gauge, Histogram, TextReadout } from '../../stats/stats.ts';
import type { StatsStore } from '../../stats/store.ts';
import type { StatsQuery } from './query.ts';

/** The stats that are shown, each kind sorted. */
export interface Selection {
  textReadouts: TextReadout[];
  counters: Counter[];
  gauges: Gauge[];
  histograms: Histogram[];
}

/** Selects by kind, filter and use. */
export function selectStats(store: StatsStore, query: StatsQuery): Selection {
  const all = query.usedOnly ? store : store.complete();
  const select = <Stat extends { name: string; used: boolean }>(
    stats: ReadonlyMap<string, Stat>,
    kind: StatsQuery['kind'],
  ): Stat[] => {
    if (query.hiddenOnly || (query.kind !== 'All' && query.kind !== kind)) return [];
    const shown = [...stats.values()].filter(stat => (stat.used || !query.usedOnly) && query.accepts(stat.name));
    return shown.sort(byName);
  };
  return {
    textReadouts: select(all.textReadouts, 'TextReadouts'),
    counters: select(all.counters, 'Counters'),
    gauges: select(all.gauges, 'Gauges').map(({ whole }) => whole),
    histograms: select(all.histograms, 'Histograms'),
  };
}

/** By bytes, not by language. */
export function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
