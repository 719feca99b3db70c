/** The stats of one cluster by Envoy's names, looked up once. */
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { TrafficStats } from '../stats/traffic.ts';
import type { Health } from './host-health.ts';
import { makeLimitGauges } from './resource-limits.ts';

/** What this proxy does not count yet, or counts by name elsewhere: there from the start, as in Envoy. */
const silentCounters = `assignment_stale assignment_timeout_received assignment_use_cached
http1.dropped_headers_with_underscores http1.metadata_not_supported_error http1.requests_rejected_with_underscores_in_headers
http1.response_flood update_attempt update_success update_failure update_empty update_no_rebuild lb_local_cluster_not_ok lb_recalculate_zone_structures lb_subsets_created lb_subsets_fallback
lb_subsets_fallback_panic lb_subsets_removed lb_subsets_selected lb_zone_cluster_too_small lb_zone_no_capacity_left
lb_zone_routing_all_directly lb_zone_routing_cross_zone lb_zone_routing_sampled original_dst_host_invalid
upstream_cx_connect_with_0_rtt upstream_cx_http3_total
upstream_cx_pool_overflow upstream_http3_broken upstream_rq_0rtt
upstream_rq_per_try_idle_timeout
upstream_rq_rx_reset_no_error upstream_cx_preconnect_skipped upstream_queue_overloaded`;
const silentGauges = `lb_subsets_active upstream_cx_rx_bytes_buffered version warming_state
max_host_weight`;

/** All stats that a cluster has before it is asked. */
export function makeClusterStats(scope: StatsScope): void {
  for (const name of silentCounters.split(/\s+/)) scope.counter(name);
  for (const name of silentGauges.split(/\s+/)) scope.gauge(name);
  for (const priority of ['default', 'high']) makeLimitGauges(scope.scope(`circuit_breakers.${priority}.`));
  new ClusterStats(scope);
}

/** How many members a cluster has, and what they can be used for. */
export class MembershipStats {
  readonly changes: Counter;
  readonly total: Gauge;
  readonly healthy: Gauge;
  readonly degraded: Gauge;
  readonly excluded: Gauge;

  constructor(scope: StatsScope) {
    this.changes = scope.counter('membership_change');
    this.total = scope.gauge('membership_total');
    this.healthy = scope.gauge('membership_healthy');
    this.degraded = scope.gauge('membership_degraded');
    this.excluded = scope.gauge('membership_excluded');
  }

  measure(members: readonly { health: Health; excluded: boolean }[]): void {
    this.total.set(members.length);
    this.healthy.set(members.filter(({ health }) => health === 'healthy').length);
    this.degraded.set(members.filter(({ health }) => health === 'degraded').length);
    this.excluded.set(members.filter(({ excluded }) => excluded).length);
  }
}

/** Counts of answers by their status, below one prefix. */
export class ResponseCounters {
  readonly #scope: StatsScope;
  readonly #prefix: string;
  #completed: Counter | undefined;
  readonly #codes: (Counter | undefined)[] = [];
  readonly #classes: (Counter | undefined)[] = [];

  constructor(scope: StatsScope, prefix: string) {
    this.#scope = scope;
    this.#prefix = prefix;
    // Envoy has the one without prefix from the start.
    if (prefix === '') this.#completed = scope.counter('upstream_rq_completed');
  }

  count(status: number): void {
    this.#completed ??= this.#scope.counter(`${this.#prefix}upstream_rq_completed`);
    this.#completed.increment();
    const kind = Math.floor(status / 100);
    (this.#classes[kind] ?? this.#add(this.#classes, kind, `${kind}xx`)).increment();
    (this.#codes[status] ?? this.#add(this.#codes, status, String(status))).increment();
  }

  #add(counters: (Counter | undefined)[], at: number, name: string): Counter {
    const counter = this.#scope.counter(`${this.#prefix}upstream_rq_${name}`);
    counters[at] = counter;
    return counter;
  }
}

/** Of requests and connections. */
export class ClusterStats {
  readonly healthyPanic: Counter;
  readonly cxTotal: Counter;
  readonly cxHttp1Total: Counter;
  readonly cxHttp2Total: Counter;
  readonly cxCloseNotify: Counter;
  readonly cxActive: Gauge;
  readonly cxConnectFail: Counter;
  readonly cxConnectAttemptsExceeded: Counter;
  readonly cxConnectTimeout: Counter;
  readonly cxIdleTimeout: Counter;
  readonly cxOverflow: Counter;
  readonly cxNoneHealthy: Counter;
  readonly cxProtocolError: Counter;
  readonly bindErrors: Counter;
  readonly cxMaxRequests: Counter;
  readonly cxMaxDurationReached: Counter;
  readonly cxDestroy: Counter;
  readonly cxDestroyLocal: Counter;
  readonly cxDestroyRemote: Counter;
  readonly cxDestroyWithActive: Counter;
  readonly cxDestroyLocalWithActive: Counter;
  readonly cxDestroyRemoteWithActive: Counter;
  readonly traffic: TrafficStats;
  readonly cxConnectMs: Histogram;
  readonly cxLengthMs: Histogram;
  readonly rqPerCx: Histogram;
  readonly rqTotal: Counter;
  readonly rqActive: Gauge;
  readonly rqPendingTotal: Counter;
  readonly rqPendingActive: Gauge;
  readonly rqPendingOverflow: Counter;
  readonly rqActiveOverflow: Counter;
  readonly rqMaintenanceMode: Counter;
  readonly rqPendingFailureEject: Counter;
  readonly rqCancelled: Counter;
  readonly rqTimeout: Counter;
  readonly rqPerTryTimeout: Counter;
  readonly rqMaxDurationReached: Counter;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  readonly rqRetry: Counter;
  readonly rqRetrySuccess: Counter;
  readonly rqRetryOverflow: Counter;
  readonly rqRetryLimitExceeded: Counter;
  readonly rqRetryBackoffExponential: Counter;
  readonly rqRetryBackoffRatelimited: Counter;
  readonly retryOrShadowAbandoned: Counter;
  readonly internalRedirects: { readonly succeeded: Counter; readonly failed: Counter };
  readonly rqTime: Histogram;
  readonly externalRqTime: Histogram;
  readonly flowPaused: Counter;
  readonly flowResumed: Counter;
  readonly flowBackedUp: Counter;
  readonly flowDrained: Counter;
  readonly responses: ResponseCounters;
  readonly externalResponses: ResponseCounters;
  readonly retriedResponses: ResponseCounters;
  /** Of requests of our own services, and of those that this proxy makes by itself. */
  readonly internalResponses: ResponseCounters;
  readonly #scope: StatsScope;
  #internalRqTime: Histogram | undefined;

  constructor(scope: StatsScope) {
    this.healthyPanic = scope.counter('lb_healthy_panic');
    this.cxTotal = scope.counter('upstream_cx_total');
    this.cxHttp1Total = scope.counter('upstream_cx_http1_total');
    this.cxHttp2Total = scope.counter('upstream_cx_http2_total');
    this.cxCloseNotify = scope.counter('upstream_cx_close_notify');
    this.cxActive = scope.gauge('upstream_cx_active');
    this.cxConnectFail = scope.counter('upstream_cx_connect_fail');
    this.cxConnectAttemptsExceeded = scope.counter('upstream_cx_connect_attempts_exceeded');
    this.cxConnectTimeout = scope.counter('upstream_cx_connect_timeout');
    this.cxIdleTimeout = scope.counter('upstream_cx_idle_timeout');
    this.cxOverflow = scope.counter('upstream_cx_overflow');
    this.cxNoneHealthy = scope.counter('upstream_cx_none_healthy');
    this.cxProtocolError = scope.counter('upstream_cx_protocol_error');
    this.bindErrors = scope.counter('bind_errors');
    this.cxMaxRequests = scope.counter('upstream_cx_max_requests');
    this.cxMaxDurationReached = scope.counter('upstream_cx_max_duration_reached');
    this.cxDestroy = scope.counter('upstream_cx_destroy');
    this.cxDestroyLocal = scope.counter('upstream_cx_destroy_local');
    this.cxDestroyRemote = scope.counter('upstream_cx_destroy_remote');
    this.cxDestroyWithActive = scope.counter('upstream_cx_destroy_with_active_rq');
    this.cxDestroyLocalWithActive = scope.counter('upstream_cx_destroy_local_with_active_rq');
    this.cxDestroyRemoteWithActive = scope.counter('upstream_cx_destroy_remote_with_active_rq');
    this.traffic = new TrafficStats(scope, 'upstream_cx_');
    this.cxConnectMs = scope.histogram('upstream_cx_connect_ms');
    this.cxLengthMs = scope.histogram('upstream_cx_length_ms');
    this.rqPerCx = scope.histogram('upstream_rq_per_cx');
    this.rqTotal = scope.counter('upstream_rq_total');
    this.rqActive = scope.gauge('upstream_rq_active');
    this.rqPendingTotal = scope.counter('upstream_rq_pending_total');
    this.rqPendingActive = scope.gauge('upstream_rq_pending_active');
    this.rqPendingOverflow = scope.counter('upstream_rq_pending_overflow');
    this.rqActiveOverflow = scope.counter('upstream_rq_active_overflow');
    this.rqMaintenanceMode = scope.counter('upstream_rq_maintenance_mode');
    this.rqPendingFailureEject = scope.counter('upstream_rq_pending_failure_eject');
    this.rqCancelled = scope.counter('upstream_rq_cancelled');
    this.rqTimeout = scope.counter('upstream_rq_timeout');
    this.rqPerTryTimeout = scope.counter('upstream_rq_per_try_timeout');
    this.rqMaxDurationReached = scope.counter('upstream_rq_max_duration_reached');
    this.rqRxReset = scope.counter('upstream_rq_rx_reset');
    this.rqTxReset = scope.counter('upstream_rq_tx_reset');
    this.rqRetry = scope.counter('upstream_rq_retry');
    this.rqRetrySuccess = scope.counter('upstream_rq_retry_success');
    this.rqRetryOverflow = scope.counter('upstream_rq_retry_overflow');
    this.rqRetryLimitExceeded = scope.counter('upstream_rq_retry_limit_exceeded');
    this.rqRetryBackoffExponential = scope.counter('upstream_rq_retry_backoff_exponential');
    this.rqRetryBackoffRatelimited = scope.counter('upstream_rq_retry_backoff_ratelimited');
    this.retryOrShadowAbandoned = scope.counter('retry_or_shadow_abandoned');
    this.internalRedirects = {
      succeeded: scope.counter('upstream_internal_redirect_succeeded_total'),
      failed: scope.counter('upstream_internal_redirect_failed_total'),
    };
    this.rqTime = scope.histogram('upstream_rq_time');
    this.externalRqTime = scope.histogram('external.upstream_rq_time');
    this.flowPaused = scope.counter('upstream_flow_control_paused_reading_total');
    this.flowResumed = scope.counter('upstream_flow_control_resumed_reading_total');
    this.flowBackedUp = scope.counter('upstream_flow_control_backed_up_total');
    this.flowDrained = scope.counter('upstream_flow_control_drained_total');
    this.responses = new ResponseCounters(scope, '');
    this.externalResponses = new ResponseCounters(scope, 'external.');
    this.retriedResponses = new ResponseCounters(scope, 'retry.');
    this.internalResponses = new ResponseCounters(scope, 'internal.');
    this.#scope = scope;
  }

  /** Of the same: there from the first one on. */
  get internalRqTime(): Histogram {
    this.#internalRqTime ??= this.#scope.histogram('internal.upstream_rq_time');
    return this.#internalRqTime;
  }
}
