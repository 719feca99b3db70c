/** What the tries of one request have come to: how many there were, and whether one more is granted. */
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { ResourceLimits } from '../cluster/resource-limits.ts';
import type { TryEnd } from '../explain/decisions.ts';
import type { ResponseHeaders } from '../http/headers.ts';
import type { RetryPolicy } from '../routing/retry-policy.ts';
import { flag, type StreamInfo } from '../stream-info.ts';

export interface RetrySettings {
  policy: RetryPolicy;
  stats: ClusterStats;
  limits: ResourceLimits;
}

export class RetryState {
  /** How many further tries were granted. */
  retries = 0;
  readonly #settings: RetrySettings;
  readonly #info: StreamInfo;
  /** One of the cluster's retries is taken. */
  #holdsRetry = false;
  /** Runs while the next try waits. */
  #backOff: NodeJS.Timeout | undefined;

  constructor(settings: RetrySettings, info: StreamInfo) {
    this.#settings = settings;
    this.#info = info;
  }

  get waits(): boolean {
    return this.#backOff !== undefined;
  }

  /** Counts what the outcome of a try means, as Envoy does; true where another try begins. */
  decide(wanted: boolean, end: TryEnd): boolean {
    const { policy, stats, limits } = this.#settings;
    const { decisions } = this.#info;
    if (this.#holdsRetry && !wanted) stats.rqRetrySuccess.increment();
    this.release();
    if (!wanted) {
      decisions?.notRetried(end);
      return false;
    }
    if (this.retries >= policy.retries) {
      stats.rqRetryLimitExceeded.increment();
      this.#info.flags |= flag.UPSTREAM_RETRY_LIMIT_EXCEEDED;
      decisions?.retriesSpent(end, this.retries);
      return false;
    }
    this.retries++;
    if (!limits.retryAvailable) {
      stats.rqRetryOverflow.increment();
      this.#info.flags |= flag.UPSTREAM_OVERFLOW;
      decisions?.retryOverflowed();
      return false;
    }
    this.#holdsRetry = true;
    limits.takeRetry();
    decisions?.retried(this.retries, end);
    return true;
  }

  /** Begins the next try after a while. @param head of the response that it follows; undefined where there was none */
  schedule(repeat: () => void, head?: ResponseHeaders): void {
    const { policy, stats } = this.#settings;
    const askedMs = head && policy.askedBackOffMs(head);
    this.#backOff = setTimeout(() => {
      this.#backOff = undefined;
      stats.rqRetry.increment();
      (askedMs === undefined ? stats.rqRetryBackoffExponential : stats.rqRetryBackoffRatelimited).increment();
      repeat();
    }, askedMs ?? policy.backOffMs(this.retries));
  }

  release(): void {
    if (!this.#holdsRetry) return;
    this.#holdsRetry = false;
    this.#settings.limits.giveRetry();
  }

  stop(): void {
    clearTimeout(this.#backOff);
    this.#backOff = undefined;
    this.release();
  }
}
