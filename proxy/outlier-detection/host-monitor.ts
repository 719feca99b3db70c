/** What outlier detection knows of one host. */
import type { Host, HostOutcomes } from '../cluster/host.ts';
import { type Tally, tallyBytes, tallyOf } from '../workers/tally.ts';
import type { OutlierSettings } from './settings.ts';
import { SuccessRate } from './success-rate.ts';

export type ConsecutiveKind = 'consecutive_5xx' | 'consecutive_gateway_failure' | 'consecutive_local_origin_failure';

/** Asked to eject a host that failed so often in a row. */
export interface MonitorOwner {
  readonly settings: OutlierSettings;
  onConsecutive(monitor: HostMonitor, kind: ConsecutiveKind): void;
}

const placeOf: Readonly<Record<ConsecutiveKind, number>> = {
  consecutive_5xx: 0,
  consecutive_gateway_failure: 1,
  consecutive_local_origin_failure: 2,
};
/** Of these, and of two rates. */
const places = 7;
export const monitorBytes = tallyBytes(places);

export class HostMonitor implements HostOutcomes {
  readonly host: Host;
  /** Of answers, and unless told apart, of failures to get one. */
  readonly external: SuccessRate;
  /** Of connections and time-outs, where they are told apart. */
  readonly localOrigin: SuccessRate;
  /** By how many base times it is ejected. */
  backOff = 0;
  ejectedAtMs = 0;
  /** Undefined: it never came back. */
  returnedAtMs: number | undefined;
  jitterMs = 0;
  readonly #owner: MonitorOwner;
  readonly #tally: Tally;
  /** Where all workers count together; undefined: there is one. */
  readonly shared: SharedArrayBuffer | undefined;

  constructor(host: Host, owner: MonitorOwner, shared?: SharedArrayBuffer) {
    this.host = host;
    this.shared = shared;
    this.#owner = owner;
    this.#tally = tallyOf(places, shared);
    this.external = new SuccessRate(this.#tally, 3);
    this.localOrigin = new SuccessRate(this.#tally, 5);
  }

  get successRate(): number {
    return this.external.percent;
  }

  get localOriginSuccessRate(): number {
    return this.localOrigin.percent;
  }

  responded(status: number): void {
    this.external.count(status < 500);
    if (status < 500) {
      this.reset('consecutive_5xx');
      this.reset('consecutive_gateway_failure');
      return;
    }
    if (status >= 502 && status <= 504) this.#failed('consecutive_gateway_failure');
    else this.reset('consecutive_gateway_failure');
    this.#failed('consecutive_5xx');
  }

  failed(): void {
    if (this.#owner.settings.splitsLocalOrigin) this.#failedLocally();
    else this.responded(503);
  }

  timedOut(): void {
    if (this.#owner.settings.splitsLocalOrigin) this.#failedLocally();
    else this.responded(504);
  }

  connected(final: boolean): void {
    if (!this.#owner.settings.splitsLocalOrigin) {
      if (final) this.responded(200);
      return;
    }
    this.localOrigin.count(true);
    this.reset('consecutive_local_origin_failure');
  }

  #failedLocally(): void {
    this.localOrigin.count(false);
    this.#failed('consecutive_local_origin_failure');
  }

  #failed(kind: ConsecutiveKind): void {
    const inARow = this.#tally.add(placeOf[kind], 1);
    if (inARow === this.#owner.settings.get(kind)) this.#owner.onConsecutive(this, kind);
  }

  /** Begins to count anew. */
  reset(kind: ConsecutiveKind): void {
    this.#tally.clear(placeOf[kind]);
  }

  resetAll(): void {
    for (const kind of Object.keys(placeOf) as ConsecutiveKind[]) this.reset(kind);
  }
}
