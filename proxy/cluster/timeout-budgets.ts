/** How much of the time that they may take requests and their tries use, in percent, where a cluster is asked to measure that. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Histogram } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

export interface TimeoutBudgets {
  readonly whole: Histogram;
  readonly perTry: Histogram;
}

/** @param scope of the cluster */
export function timeoutBudgets(configuration: Configuration, scope: StatsScope): TimeoutBudgets | undefined {
  if (!configuration.trackTimeoutBudgets && !configuration.trackClusterStats?.timeoutBudgets) return undefined;
  return {
    whole: scope.histogram('upstream_rq_timeout_budget_percent_used'),
    perTry: scope.histogram('upstream_rq_timeout_budget_per_try_percent_used'),
  };
}

/** @param limitMs 0: for ever, of which nothing is ever used */
export function recordUse(budget: Histogram, tookMs: number, limitMs: number): void {
  budget.record(limitMs === 0 ? 0 : Math.floor((tookMs * 100) / limitMs));
}
