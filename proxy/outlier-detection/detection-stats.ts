import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

const kinds = [
  'consecutive_5xx',
  'consecutive_gateway_failure',
  'consecutive_local_origin_failure',
  'success_rate',
  'local_origin_success_rate',
  'failure_percentage',
  'local_origin_failure_percentage',
] as const;

/** Why a host is ejected, as the names of Envoy's stats say it. */
export type EjectionKind = (typeof kinds)[number];

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#outlier-detection-statistics */
export class DetectionStats {
  readonly active: Gauge;
  readonly enforcedTotal: Counter;
  readonly overflow: Counter;
  readonly detected: Readonly<Record<EjectionKind, Counter>>;
  readonly enforced: Readonly<Record<EjectionKind, Counter>>;
  /** What Envoy keeps of older versions. */
  readonly deprecated: { readonly total: Counter; readonly consecutive5xx: Counter; readonly successRate: Counter };

  /** @param scope of the cluster */
  constructor(scope: StatsScope) {
    const own = scope.scope('outlier_detection.');
    const each = (verb: string) =>
      Object.fromEntries(kinds.map(kind => [kind, own.counter(`ejections_${verb}_${kind}`)])) as Record<
        EjectionKind,
        Counter
      >;
    this.active = own.gauge('ejections_active');
    this.enforcedTotal = own.counter('ejections_enforced_total');
    this.overflow = own.counter('ejections_overflow');
    this.detected = each('detected');
    this.enforced = each('enforced');
    this.deprecated = {
      total: own.counter('ejections_total'),
      consecutive5xx: own.counter('ejections_consecutive_5xx'),
      successRate: own.counter('ejections_success_rate'),
    };
  }
}
