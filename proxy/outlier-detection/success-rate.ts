/** The share of what went well, by intervals: one is counted while the one before is judged. */
export class SuccessRate {
  /** In percent, of the last interval that had enough requests; -1 where it had not. */
  percent = -1;
  #good = 0;
  #all = 0;

  count(good: boolean): void {
    this.#all++;
    if (good) this.#good++;
  }

  /** Ends the interval: its share in percent and its volume; undefined where nothing was counted. */
  next(): { percent: number; volume: number } | undefined {
    const ended = this.#all === 0 ? undefined : { percent: (100 * this.#good) / this.#all, volume: this.#all };
    this.#good = 0;
    this.#all = 0;
    this.percent = -1;
    return ended;
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
