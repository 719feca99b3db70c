import { type Tally, tallyOf } from '../workers/tally.ts';

/** The share of what went well, by intervals: one is counted while the one before is judged. */
export class SuccessRate {
  /** In percent, of the last interval that had enough requests; -1 where it had not. */
  percent = -1;
  readonly #tally: Tally;
  /** Where in the tally all are counted; those that went well, behind that. */
  readonly #all: number;
  readonly #good: number;

  constructor(tally: Tally = tallyOf(2, undefined), at = 0) {
    this.#tally = tally;
    this.#all = at;
    this.#good = at + 1;
  }

  count(good: boolean): void {
    if (good) this.#tally.add(this.#good, 1);
    this.#tally.add(this.#all, 1);
  }

  /** Ends the interval: its share in percent and its volume; undefined where nothing was counted. */
  next(): { percent: number; volume: number } | undefined {
    const volume = this.#tally.clear(this.#all);
    const good = Math.min(volume, this.#tally.clear(this.#good));
    this.percent = -1;
    return volume === 0 ? undefined : { percent: (100 * good) / volume, volume };
  }
}

/**
 * Below it a host is an outlier: so many standard deviations under the mean.
 * @param percents of the hosts, at least one
 */
export function ejectionThreshold(percents: readonly number[], factor: number): { mean: number; threshold: number } {
  const mean = percents.reduce((sum, one) => sum + one, 0) / percents.length;
  const variance = percents.reduce((sum, one) => sum + (one - mean) ** 2, 0) / percents.length;
  return { mean, threshold: mean - factor * Math.sqrt(variance) };
}
