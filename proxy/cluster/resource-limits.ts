/** Circuit breakers: what one priority of a cluster may use at a time. */
import { RoutingPriority } from '../api/enums.js';
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';
import { type Tally, tallyBytes, tallyOf } from '../workers/tally.ts';

/** A count with a limit, shown by a gauge that is 1 while the limit is reached. */
export class ResourceLimit {
  readonly maximum: number;
  readonly #tally: Tally;
  readonly #open: Gauge;
  readonly #remaining: Gauge | undefined;

  constructor(maximum: number, tally: Tally, open: Gauge, remaining: Gauge | undefined) {
    this.maximum = maximum;
    this.#tally = tally;
    this.#open = open;
    this.#remaining = remaining;
    // The gauge stays 0 until something is taken, as in Envoy: a limit of 0 shows only there.
    remaining?.set(maximum);
  }

  get count(): number {
    return this.#tally.get(0);
  }

  get available(): boolean {
    return this.count < this.maximum;
  }

  take(): void {
    const count = this.#tally.add(0, 1);
    if (count >= this.maximum || this.#remaining !== undefined) this.#show();
  }

  give(): void {
    const before = this.#tally.add(0, -1) + 1;
    if (before >= this.maximum || this.#remaining !== undefined) this.#show();
  }

  /** Brings the gauges up to date: other workers may have taken, too. Of a limit of 0 that nobody takes from, they stay as they are. */
  show(): void {
    if (this.maximum > 0 || this.count > 0) this.#show();
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
  maxConnectionsPerHost: number;
}

export const defaultThresholds: Thresholds = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
  trackRemaining: false,
  maxConnectionsPerHost: Number.POSITIVE_INFINITY,
};

/** The gauges of a priority whose limits nobody asked yet. */
export function makeLimitGauges(scope: StatsScope): void {
  for (const name of ['cx', 'rq_pending', 'rq', 'rq_retry', 'cx_pool']) scope.gauge(`${name}_open`);
}

/** The breakers of one priority. */
export class ResourceLimits {
  readonly thresholds: Thresholds;
  readonly connections: ResourceLimit;
  readonly pendingRequests: ResourceLimit;
  readonly requests: ResourceLimit;
  readonly #retries: ResourceLimit;

  /** @param shared where all workers count together; undefined: there is one */
  constructor(thresholds: Thresholds, scope: StatsScope, shared?: SharedMemory) {
    const limit = (maximum: number, name: string, remaining: string) => {
      const tally = tallyOf(1, shared?.next(name, tallyBytes(1)));
      const left = thresholds.trackRemaining ? scope.gauge(remaining) : undefined;
      return new ResourceLimit(maximum, tally, scope.gauge(name), left);
    };
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

  /** Brings the gauges up to date. */
  show(): void {
    for (const limit of [this.connections, this.pendingRequests, this.requests, this.#retries]) limit.show();
  }

  takeRetry(): void {
    this.#retries.take();
  }

  giveRetry(): void {
    this.#retries.give();
  }
}

/** @param scope of the cluster */
export function limitsOf(
  { default: usual, high }: Record<'default' | 'high', Thresholds>,
  scope: StatsScope,
  shared?: SharedMemory,
): Record<'default' | 'high', ResourceLimits> {
  return {
    default: new ResourceLimits(usual, scope.scope('circuit_breakers.default.'), shared),
    high: new ResourceLimits(high, scope.scope('circuit_breakers.high.'), shared),
  };
}

/** Those that have to be there before somebody asks: what is left of them is shown, and workers find what they share in the order in which it is made. */
export function earlyLimits(...[thresholds, scope, shared]: Parameters<typeof limitsOf>) {
  const { default: usual, high } = thresholds;
  const areEarly = shared !== undefined || usual.trackRemaining || high.trackRemaining;
  return areEarly ? limitsOf(thresholds, scope, shared) : undefined;
}

/** What a cluster says, or the defaults. */
export function thresholdsOf(configuration: Configuration): Record<'default' | 'high', Thresholds> {
  return { default: thresholdsFor(configuration, 'default'), high: thresholdsFor(configuration, 'high') };
}

function thresholdsFor(configuration: Configuration, priority: 'default' | 'high'): Thresholds {
  const wanted = priority === 'high' ? RoutingPriority.HIGH : RoutingPriority.DEFAULT;
  const { thresholds = [], perHostThresholds = [] } = configuration.circuitBreakers ?? {};
  const found = thresholds.find(({ priority: of }) => of === wanted);
  const perHost = perHostThresholds.find(({ priority: of }) => of === wanted);
  const maxConnectionsPerHost = perHost?.maxConnections ?? defaultThresholds.maxConnectionsPerHost;
  if (found === undefined) return { ...defaultThresholds, maxConnectionsPerHost };
  const budget = found.retryBudget;
  return {
    maxConnections: found.maxConnections ?? defaultThresholds.maxConnections,
    maxPendingRequests: found.maxPendingRequests ?? defaultThresholds.maxPendingRequests,
    maxRequests: found.maxRequests ?? defaultThresholds.maxRequests,
    maxRetries: found.maxRetries ?? defaultThresholds.maxRetries,
    retryBudget:
      budget === undefined
        ? undefined
        : { percent: budget.budgetPercent?.value ?? 20, minimum: budget.minRetryConcurrency ?? 3 },
    trackRemaining: found.trackRemaining,
    maxConnectionsPerHost,
  };
}
