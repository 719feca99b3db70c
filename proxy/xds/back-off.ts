/** How long to wait before the next try: longer after each that failed, and never the same for all. */

export interface BackOffRange {
  /** At most so long after the first failure, twice as long after each further one. */
  baseMs: number;
  mostMs: number;
}

/** As Envoy does where nothing is configured. */
const usual: BackOffRange = { baseMs: 500, mostMs: 30_000 };

export class BackOff {
  readonly #random: () => number;
  readonly #range: BackOffRange;
  #failures = 0;

  /** @param random answers from 0 up to 1 */
  constructor(random: () => number = Math.random, range: BackOffRange = usual) {
    this.#random = random;
    this.#range = range;
  }

  /** In milliseconds. */
  next(): number {
    const { baseMs, mostMs } = this.#range;
    const span = Math.min(mostMs, baseMs * 2 ** this.#failures);
    if (span < mostMs) this.#failures++;
    return Math.floor(this.#random() * span);
  }

  /** What was tried has worked. */
  reset(): void {
    this.#failures = 0;
  }
}
