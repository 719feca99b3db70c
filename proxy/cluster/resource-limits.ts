/** Circuit breakers: what one priority of a cluster may use at a time. */
import type { Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

/** A count with a limit, shown by a gauge that is 1 while the limit is reached. */
export class ResourceLimit {
  readonly maximum: number;
  count = 0;
  readonly #open: Gauge;
  readonly #remaining: Gauge | undefined;

  constructor(maximum: number, open: Gauge, remaining: Gauge | undefined) {
    this.maximum = maximum;
    this.#open = open;
    this.#remaining = remaining;
    // The gauge stays 0 until something is taken, as in Envoy: a limit of 0 shows only there.
    remaining?.set(maximum);
  }

  get available(): boolean {
    return this.count < this.maximum;
  }

  take(): void {
    this.count++;
    if (this.count >= this.maximum || this.#remaining !== undefined) this.#show();
  }

  give(): void {
    const wasOpen = this.count >= this.maximum;
    this.count--;
    if (wasOpen || this.#remaining !== undefined) this.#show();
  }

  #show(): void {
    const open = this.available ? 0 : 1;
    if (this.#open.value !== open) this.#open.set(open);
    this.#remaining?.set(Math.max(0, this.maximum - this.count));
  }
}

export interface Thresholds {
  maxConnections: number;
  maxPendingRequests: number;
  maxRequests: number;
  maxRetries: number;
  /** Replaces `maxRetries`: a share of the active and pending requests, but at least so many. */
  retryBudget: { percent: number; minimum: number } | undefined;
  trackRemaining: boolean;
}

export const defaultThresholds: Thresholds = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
  trackRemaining: false,
};

/** The breakers of one priority. */
export class ResourceLimits {
  readonly thresholds: Thresholds;
  readonly connections: ResourceLimit;
  readonly pendingRequests: ResourceLimit;
  readonly requests: ResourceLimit;
  readonly #retries: ResourceLimit;

  constructor(thresholds: Thresholds, scope: StatsScope) {
    const limit = (maximum: number, name: string, remaining: string) =>
      new ResourceLimit(maximum, scope.gauge(name), thresholds.trackRemaining ? scope.gauge(remaining) : undefined);
    this.thresholds = thresholds;
    this.connections = limit(thresholds.maxConnections, 'cx_open', 'remaining_cx');
    this.pendingRequests = limit(thresholds.maxPendingRequests, 'rq_pending_open', 'remaining_pending');
    this.requests = limit(thresholds.maxRequests, 'rq_open', 'remaining_rq');
    const budgeted = thresholds.retryBudget !== undefined;
    this.#retries = limit(
      budgeted ? Number.MAX_SAFE_INTEGER : thresholds.maxRetries,
      'rq_retry_open',
      'remaining_retries',
    );
    scope.gauge('cx_pool_open');
    if (thresholds.trackRemaining) scope.gauge('remaining_cx_pools').set(4294967295);
  }

  get retryAvailable(): boolean {
    const budget = this.thresholds.retryBudget;
    if (budget === undefined) return this.#retries.available;
    const active = this.requests.count + this.pendingRequests.count;
    return this.#retries.count < Math.max(budget.minimum, Math.floor((active * budget.percent) / 100));
  }

  takeRetry(): void {
    this.#retries.take();
  }

  giveRetry(): void {
    this.#retries.give();
  }
}
