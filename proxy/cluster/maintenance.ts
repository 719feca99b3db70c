/** Maintenance mode: the runtime key `upstream.maintenance_mode.<cluster>` says which share of requests is turned away. */

import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';

export class Maintenance {
  readonly #percent: RuntimeNumber;

  constructor(cluster: string, runtime: RuntimeValues | undefined) {
    this.#percent = new RuntimeNumber(0, `upstream.maintenance_mode.${cluster}`, runtime);
  }

  /** Whether this request is turned away. */
  refuses(): boolean {
    const percent = this.#percent.value;
    return percent > 0 && Math.random() * 100 < percent;
  }
}
