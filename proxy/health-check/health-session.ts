/** One host under active health checking: when it is looked at, and what follows from what was found. */
import type { ActiveHealthCheck, Host } from '../cluster/host.ts';
import type { CheckerStats } from './checker-stats.ts';
import type { Finding, Probe } from './probe.ts';

/** How long until the next look: by what the last one found, and whether it takes more of that kind to change anything. */
export type NextInterval = (state: 'healthy' | 'unhealthy', pending: boolean) => number;

export interface SessionSettings {
  timeoutMs: number;
  unhealthyThreshold: number;
  healthyThreshold: number;
  /** Before the first look. */
  initialDelayMs: () => number;
  nextIntervalMs: NextInterval;
  stats: CheckerStats;
}

export interface SessionOwner {
  /** @param changed whether load is to be spread anew */
  onChecked(host: Host, passed: boolean, changed: boolean): void;
}

/** What a look led to. */
type Change = 'none' | 'pending' | 'changed';

export class HealthSession implements ActiveHealthCheck {
  readonly host: Host;
  readonly #probe: Probe;
  readonly #settings: SessionSettings;
  readonly #owner: SessionOwner;
  #first = true;
  #healthyInARow = 0;
  #unhealthyInARow = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(host: Host, probe: Probe, settings: SessionSettings, owner: SessionOwner) {
    this.host = host;
    this.#probe = probe;
    this.#settings = settings;
    this.#owner = owner;
    if (!host.has('failed_active_hc')) settings.stats.healthy.increment();
  }

  /** Whether its host was never judged. */
  get pending(): boolean {
    return this.#first;
  }

  start(): void {
    const delayMs = this.#settings.initialDelayMs();
    if (delayMs > 0) this.#lookAfter(delayMs);
    else this.#look();
  }

  #lookAfter(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#look(), ms);
    this.#timer.unref();
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onTimeout(), this.#settings.timeoutMs);
    this.#timer.unref();
    this.#settings.stats.attempt.increment();
    this.#probe.look(finding => this.#onFinding(finding));
  }

  #onTimeout(): void {
    this.#probe.abort();
    this.#settings.stats.networkFailure.increment();
    this.#fail(true, true);
  }

  #onFinding(finding: Finding): void {
    if (this.#stopped) return;
    if (finding === 'healthy' || finding === 'degraded') this.#pass(finding === 'degraded');
    else {
      if (finding === 'unreachable') this.#settings.stats.networkFailure.increment();
      this.#fail(finding !== 'unhealthy', false);
    }
  }

  #pass(degraded: boolean): void {
    const { host } = this;
    const { stats } = this.#settings;
    this.#unhealthyInARow = 0;
    let change: Change = 'none';
    if (host.has('failed_active_hc')) {
      // The first look decides at once, so that a start does not take several intervals.
      if (this.#first || ++this.#healthyInARow === this.#settings.healthyThreshold) {
        host.healthySinceMs = performance.now();
        for (const flag of ['active_hc_timeout', 'excluded_via_immediate_hc_fail', 'failed_active_hc'] as const)
          host.flag(flag, false);
        stats.healthy.increment();
        change = 'changed';
      } else change = 'pending';
    }
    change = this.#clearPending(change);
    if (degraded !== host.has('degraded_active_hc')) {
      host.flag('degraded_active_hc', degraded);
      if (degraded) stats.degraded.increment();
      else stats.degraded.decrement();
      if (change === 'none') change = 'changed';
    }
    stats.success.increment();
    this.#finish(true, change);
    this.#lookAfter(this.#settings.nextIntervalMs('healthy', change === 'pending'));
  }

  /** @param needsSeveral whether it takes as many in a row as the threshold */
  #fail(needsSeveral: boolean, timeout: boolean): void {
    const change = this.#setUnhealthy(needsSeveral, timeout);
    this.#lookAfter(this.#settings.nextIntervalMs('unhealthy', change === 'pending'));
  }

  #setUnhealthy(needsSeveral: boolean, timeout: boolean): Change {
    const { host } = this;
    const { stats } = this.#settings;
    this.#healthyInARow = 0;
    let change: Change = 'none';
    if (!host.has('failed_active_hc')) {
      if (!needsSeveral || ++this.#unhealthyInARow === this.#settings.unhealthyThreshold) {
        host.flag('failed_active_hc', true);
        stats.healthy.decrement();
        change = 'changed';
      } else change = 'pending';
    }
    host.flag('active_hc_timeout', timeout && host.has('failed_active_hc'));
    change = this.#clearPending(change);
    stats.failure.increment();
    this.#finish(false, change);
    return change;
  }

  #clearPending(change: Change): Change {
    if (!this.host.has('pending_active_hc')) return change;
    this.host.flag('pending_active_hc', false);
    return 'changed';
  }

  #finish(passed: boolean, change: Change): void {
    this.#first = false;
    this.#owner.onChecked(this.host, passed, change === 'changed');
  }

  failedAtOnce(): void {
    if (this.#stopped) return;
    this.host.flag('excluded_via_immediate_hc_fail', true);
    this.#settings.stats.passiveFailure.increment();
    this.#setUnhealthy(false, false);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#probe.abort();
    const { stats } = this.#settings;
    if (!this.host.has('failed_active_hc')) stats.healthy.decrement();
    if (this.host.has('degraded_active_hc')) stats.degraded.decrement();
  }
}
