/** The store of everything that is counted and measured. A stat is one object with plain fields; whoever counts holds on to it. */
import { Counter, Gauge, Histogram, type RecordListener, TextReadout } from './stats.ts';

/** All stats of the process by their full, dotted name. */
export class StatsStore implements RecordListener {
  /** How many count below a prefix, of those that say so. */
  readonly #holders = new Map<string, number>();
  readonly counters = new Map<string, Counter>();
  readonly gauges = new Map<string, Gauge>();
  readonly textReadouts = new Map<string, TextReadout>();
  readonly histograms = new Map<string, Histogram>();
  onRecord: ((name: string, value: number) => void) | undefined = undefined;
  /** Of the connections that are open: what they carry is counted when somebody looks. */
  readonly traffic = new Set<{ count(): void }>();
  /** What makes the stats that nobody counts yet, by what their names begin with. */
  readonly #later = new Map<string, (scope: StatsScope) => void>();
  /** Hears of the prefixes that are forgotten. */
  onScopeRemoved: ((prefix: string) => void) | undefined = undefined;

  counter(name: string): Counter {
    return findOrMake(this.counters, name, () => new Counter(name));
  }

  gauge(name: string): Gauge {
    return findOrMake(this.gauges, name, () => new Gauge(name));
  }

  textReadout(name: string): TextReadout {
    return findOrMake(this.textReadouts, name, () => new TextReadout(name));
  }

  histogram(name: string): Histogram {
    return findOrMake(this.histograms, name, () => new Histogram(name, this));
  }

  /** A view whose names all begin with `prefix`, which ends with a dot. */
  scope(prefix: string): StatsScope {
    return new StatsScope(this, prefix);
  }

  /**
   * Stats that nobody counts yet, but that are shown: most clusters of a mesh are never used.
   * @param prefix of all their names; who says it again replaces what was said before
   */
  makeLater(prefix: string, make: (scope: StatsScope) => void): void {
    this.#later.set(prefix, make);
  }

  /** All stats, those that nobody counts yet too. These are made for whoever looks, and gone with it: a cluster has a hundred, of 10 kB. */
  complete(): StatsStore {
    const all = new StatsStore();
    for (const counter of this.counters.values()) all.counters.set(counter.name, counter);
    for (const gauge of this.gauges.values()) all.gauges.set(gauge.name, gauge);
    for (const readout of this.textReadouts.values()) all.textReadouts.set(readout.name, readout);
    for (const histogram of this.histograms.values()) all.histograms.set(histogram.name, histogram);
    for (const [prefix, make] of this.#later) make(all.scope(prefix));
    return all;
  }

  /** Whether there are stats whose names begin so. */
  has(prefix: string): boolean {
    const begins = (name: string): boolean => name.startsWith(prefix);
    return [...this.#later.keys()].some(begins) || [...this.counters.keys()].some(begins);
  }

  /** Ends the interval of every histogram, as the periodic flush does. */
  flush(): void {
    for (const histogram of this.histograms.values()) histogram.flush();
  }

  /** Counts what open connections have carried: to be called before somebody looks. */
  countTraffic(): void {
    for (const traffic of this.traffic) traffic.count();
  }

  resetCounters(): void {
    this.countTraffic();
    for (const counter of this.counters.values()) counter.value = 0;
  }

  /** Forgets all stats whose names begin with `prefix`, when what they describe is gone. */
  removeScope(prefix: string): void {
    for (const stats of [this.counters, this.gauges, this.textReadouts, this.histograms]) {
      for (const name of stats.keys()) if (name.startsWith(prefix)) stats.delete(name);
    }
    for (const begin of this.#later.keys()) if (begin.startsWith(prefix)) this.#later.delete(begin);
    this.onScopeRemoved?.(prefix);
  }

  /** For whoever counts below `prefix`, maybe beside others. @returns lets go of it: when the last one does, the stats are forgotten */
  hold(prefix: string): () => void {
    this.#holders.set(prefix, (this.#holders.get(prefix) ?? 0) + 1);
    return () => {
      const others = (this.#holders.get(prefix) ?? 1) - 1;
      if (others > 0) this.#holders.set(prefix, others);
      else if (this.#holders.delete(prefix)) this.removeScope(prefix);
    };
  }
}

/** Makes stats below one prefix. */
export class StatsScope {
  readonly store: StatsStore;
  readonly prefix: string;

  constructor(store: StatsStore, prefix: string) {
    this.store = store;
    this.prefix = prefix;
  }

  counter(name: string): Counter {
    return this.store.counter(this.prefix + name);
  }

  gauge(name: string): Gauge {
    return this.store.gauge(this.prefix + name);
  }

  textReadout(name: string): TextReadout {
    return this.store.textReadout(this.prefix + name);
  }

  histogram(name: string): Histogram {
    return this.store.histogram(this.prefix + name);
  }

  scope(prefix: string): StatsScope {
    return new StatsScope(this.store, this.prefix + prefix);
  }

  /** Stats below the prefix that are there for whoever looks at all. */
  makeLater(make: (scope: StatsScope) => void): void {
    this.store.makeLater(this.prefix, make);
  }
}

/** A name of the configuration or an address as it appears within stat names: `127.0.0.1:80` becomes `127.0.0.1_80`. */
export function sanitizeStatsName(name: string): string {
  return name
    .replace(/\.$/, '')
    .replace(/^\./, '')
    .replace(/:\/\/|:\/|[:\0]/g, '_');
}

function findOrMake<Stat>(stats: Map<string, Stat>, name: string, make: () => Stat): Stat {
  const found = stats.get(name);
  if (found !== undefined) return found;
  const made = make();
  stats.set(name, made);
  return made;
}
