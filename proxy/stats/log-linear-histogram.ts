/**
 * A log-linear histogram with two decimal digits of precision, with the bins, quantiles and sums of the library that Envoy uses
 * (circllhist), so that the same recordings print the same figures.
 *
 * A bin holds [d × 10^e, (d + 1) × 10^e) for d in 10…99, numbered (e + 1) × 90 + d - 10 + 1; bin 0 is the value 0.
 */
export class LogLinearHistogram {
  /** How many values were recorded. */
  count = 0;
  /** Undefined until something is recorded: most are never used, and there are three for each histogram. */
  #bins: Map<number, number> | undefined;

  /** Records one non-negative integer. */
  record(value: number): void {
    const bin = binOf(value);
    this.#add(bin, 1);
  }

  merge(other: LogLinearHistogram): void {
    if (other.#bins !== undefined) for (const [bin, count] of other.#bins) this.#add(bin, count);
  }

  /** What is in it, to be added to another one by `add`; leaves it empty. */
  take(): [bin: number, count: number][] {
    const taken = [...(this.#bins ?? [])];
    this.clear();
    return taken;
  }

  add(taken: readonly (readonly [bin: number, count: number])[]): void {
    for (const [bin, count] of taken) this.#add(bin, count);
  }

  #add(bin: number, count: number): void {
    this.#bins ??= new Map();
    this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + count);
    this.count += count;
  }

  clear(): void {
    this.#bins?.clear();
    this.count = 0;
  }

  /** The values at the given fractions (ascending), spread evenly within their bins; NaN where nothing was recorded. */
  quantiles(fractions: readonly number[]): number[] {
    const bins = this.#sorted();
    if (bins.length === 0) return fractions.map(() => Number.NaN);
    let index = 0;
    let below = 0;
    return fractions.map(fraction => {
      const wanted = this.count * fraction;
      while (index < bins.length - 1 && below + bins[index]!.count < wanted) below += bins[index++]!.count;
      const { low, width, count } = bins[index]!;
      const rank = Math.max(1, Math.ceil(wanted - below));
      return low + (rank / (count + 1)) * width;
    });
  }

  /** For each bound, how many values lie in bins that begin at or below it. */
  countsBelow(bounds: readonly number[]): number[] {
    const bins = this.#sorted();
    let index = 0;
    let below = 0;
    return bounds.map(bound => {
      while (index < bins.length && bins[index]!.low <= bound) below += bins[index++]!.count;
      return below;
    });
  }

  /** The sum of all values, each taken as the harmonic mean of its bin's ends. */
  sum(): number {
    return this.#sorted().reduce((sum, { low, width, count }) => {
      const high = low + width;
      return low === 0 ? sum : sum + ((2 * low * high) / (low + high)) * count;
    }, 0);
  }

  /** The bins that hold something, ascending: where they begin, how wide they are, what they hold. */
  bins(): readonly Bin[] {
    return this.#sorted();
  }

  #sorted(): Bin[] {
    return [...(this.#bins ?? [])].sort(([a], [b]) => a - b).map(([bin, count]) => ({ ...boundsOf(bin), count }));
  }
}

/** One bin of a histogram. */
export interface Bin {
  low: number;
  width: number;
  count: number;
}

function binOf(value: number): number {
  let digits = Math.floor(value);
  if (!(digits > 0)) return 0;
  let exponent = 0;
  if (digits < 10) {
    digits *= 10;
    exponent = -1;
  }
  while (digits >= 100) {
    digits = Math.floor(digits / 10);
    exponent++;
  }
  return (exponent + 1) * 90 + digits - 9;
}

function boundsOf(bin: number): { low: number; width: number } {
  if (bin === 0) return { low: 0, width: 0 };
  const exponent = Math.floor((bin - 1) / 90) - 1;
  const digits = ((bin - 1) % 90) + 10;
  return exponent < 0 ? { low: digits / 10, width: 0.1 } : { low: digits * 10 ** exponent, width: 10 ** exponent };
}
