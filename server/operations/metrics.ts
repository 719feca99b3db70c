/**
 * Numbers in Prometheus' text format, version 0.0.4. Written here: of `prom-client` we would use a tenth, and it brings OpenTelemetry with it.
 *
 * Labels come from small fixed sets only: no names, no ids, nothing that a learner types.
 */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Record<string, string>;

export interface Sample {
  labels?: Labels;
  value: number;
}

/** Something that only grows. */
export class Counter {
  readonly #values = new Map<string, number>();

  add(labels: Labels = {}, amount = 1): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  lines(name: string): string[] {
    if (this.#values.size === 0) return [`${name} 0`];
    return [...this.#values].map(([labels, value]) => `${name}${labels} ${value}`);
  }
}

/** How often something took how long. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /** @param bounds the upper ends of the buckets, rising */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    for (const [index, bound] of this.#bounds.entries()) if (value <= bound) this.#counts[index]!++;
  }

  lines(name: string): string[] {
    return [
      ...this.#bounds.map((bound, index) => `${name}_bucket{le="${bound}"} ${this.#counts[index]}`),
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#count}`,
    ];
  }
}

interface Metric {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  lines(name: string): string[];
}

/** All metrics of a server. */
export class Metrics {
  readonly #metrics: Metric[] = [];

  counter(name: string, help: string): Counter {
    const counter = new Counter();
    this.#metrics.push({ name, help, type: 'counter', lines: own => counter.lines(own) });
    return counter;
  }

  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const histogram = new Histogram(bounds);
    this.#metrics.push({ name, help, type: 'histogram', lines: own => histogram.lines(own) });
    return histogram;
  }

  /** What is read whenever someone asks; `type` is counter for what only grows and is counted elsewhere. */
  read(name: string, help: string, read: () => number | Sample[], type: 'gauge' | 'counter' = 'gauge'): void {
    const samples = () => {
      const found = read();
      return typeof found === 'number' ? [{ value: found }] : found;
    };
    const lines = (own: string) => samples().map(({ labels = {}, value }) => `${own}${labelText(labels)} ${value}`);
    this.#metrics.push({ name, help, type, lines });
  }

  /** As Prometheus reads it. */
  text(): string {
    return this.#metrics
      .flatMap(metric => [
        `# HELP ${metric.name} ${metric.help}`,
        `# TYPE ${metric.name} ${metric.type}`,
        ...metric.lines(metric.name),
      ])
      .join('\n')
      .concat('\n');
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
