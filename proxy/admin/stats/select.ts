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
  if (!query.usedOnly) store.makeAll();
  const select = <Stat extends { name: string; used: boolean }>(
    stats: ReadonlyMap<string, Stat>,
    kind: StatsQuery['kind'],
  ): Stat[] => {
    if (query.hiddenOnly || (query.kind !== 'All' && query.kind !== kind)) return [];
    const shown = [...stats.values()].filter(stat => (stat.used || !query.usedOnly) && query.accepts(stat.name));
    return shown.sort(byName);
  };
  return {
    textReadouts: select(store.textReadouts, 'TextReadouts'),
    counters: select(store.counters, 'Counters'),
    gauges: select(store.gauges, 'Gauges').map(({ whole }) => whole),
    histograms: select(store.histograms, 'Histograms'),
  };
}

/** By bytes, not by language. */
export function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
