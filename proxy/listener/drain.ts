/** The time in which connections are told to go, before what is left is closed. */

export interface DrainSettings {
  durationMs: number;
  /** More and more of them are told as time goes by; otherwise all at once. */
  gradual: boolean;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining */
export class Drain {
  readonly #random: () => number;
  #startedMs: number | undefined;
  #settings: DrainSettings = { durationMs: 0, gradual: false };

  /** @param random answers from 0 up to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  begin(settings: DrainSettings): void {
    this.#startedMs = performance.now();
    this.#settings = settings;
  }

  /** Whether a connection that answers a request now is to end with that: by chance, so that clients do not all come back at once. */
  endsConnection(): boolean {
    if (this.#startedMs === undefined) return false;
    const { durationMs, gradual } = this.#settings;
    return !gradual || performance.now() - this.#startedMs > this.#random() * durationMs;
  }
}
