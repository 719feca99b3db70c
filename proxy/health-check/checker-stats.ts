import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#health-check-statistics */
export class CheckerStats {
  readonly attempt: Counter;
  readonly success: Counter;
  readonly failure: Counter;
  readonly networkFailure: Counter;
  readonly passiveFailure: Counter;
  readonly verifyCluster: Counter;
  readonly healthy: Gauge;
  readonly degraded: Gauge;

  /** @param scope of the cluster */
  constructor(scope: StatsScope) {
    const own = scope.scope('health_check.');
    this.attempt = own.counter('attempt');
    this.success = own.counter('success');
    this.failure = own.counter('failure');
    this.networkFailure = own.counter('network_failure');
    this.passiveFailure = own.counter('passive_failure');
    this.verifyCluster = own.counter('verify_cluster');
    this.healthy = own.gauge('healthy');
    this.degraded = own.gauge('degraded');
  }
}
