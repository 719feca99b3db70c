/** The store of everything that is counted and measured. A stat is one object with plain fields; whoever counts holds on to it. */
import { Counter, Gauge, Histogram, TextReadout } from './stats.ts';

/** All stats of the process by their full, dotted name. */
export class StatsStore {
  readonly counters = new Map<string, Counter>();
  readonly gauges = new Map<string, Gauge>();
  readonly textReadouts = new Map<string, TextReadout>();
  readonly histograms = new Map<string, Histogram>();
  /** Of the connections that are open: what they carry is counted when somebody looks. */
  readonly traffic = new Set<{ count(): void }>();

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
    return findOrMake(this.histograms, name, () => new Histogram(name));
  }

  /** A view whose names all begin with `prefix`, which ends with a dot. */
  scope(prefix: string): StatsScope {
    return new StatsScope(this, prefix);
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
