/** Maintenance mode: the runtime key `upstream.maintenance_mode.<cluster>` says which share of requests is turned away. */

/** Values that can be changed while the proxy runs. */
export interface RuntimeValues {
  /** Grows with each change. */
  readonly version: number;
  getNumber(key: string, byDefault: number): number;
}

export class Maintenance {
  readonly #key: string;
  readonly #runtime: RuntimeValues | undefined;
  #seen = -1;
  #percent = 0;

  constructor(cluster: string, runtime: RuntimeValues | undefined) {
    this.#key = `upstream.maintenance_mode.${cluster}`;
    this.#runtime = runtime;
  }

  /** Whether this request is turned away. The key is looked up only after the runtime has changed. */
  refuses(): boolean {
    const runtime = this.#runtime;
    if (runtime === undefined) return false;
    if (runtime.version !== this.#seen) {
      this.#seen = runtime.version;
      this.#percent = runtime.getNumber(this.#key, 0);
    }
    return this.#percent > 0 && Math.random() * 100 < this.#percent;
  }
}
