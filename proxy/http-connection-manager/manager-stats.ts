/** What a connection manager counts below `http.<stat_prefix>.`, and by listener. */
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { TrafficStats } from '../stats/traffic.ts';

const silentCounters = `downstream_cx_http3_total downstream_cx_http1_soft_drain
downstream_cx_overload_disable_keepalive
 downstream_rq_http3_total
downstream_rq_overload_close
downstream_rq_rejected_via_ip_detection
rs_too_large tracing.client_enabled tracing.health_check tracing.not_traceable tracing.random_sampling tracing.service_forced`;
const silentGauges = `downstream_cx_http3_active downstream_cx_rx_bytes_buffered`;

/** Answers by the class of their status. */
export class ClassCounters {
  readonly #completed: Counter;
  readonly #classes: Counter[];

  constructor(scope: StatsScope) {
    this.#completed = scope.counter('downstream_rq_completed');
    this.#classes = [1, 2, 3, 4, 5].map(kind => scope.counter(`downstream_rq_${kind}xx`));
  }

  count(status: number): void {
    this.#completed.increment();
    this.#classes[Math.floor(status / 100) - 1]?.increment();
  }
}

export class ManagerStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxHttp1Total: Counter;
  readonly cxHttp1Active: Gauge;
  readonly cxHttp2Total: Counter;
  readonly cxHttp2Active: Gauge;
  readonly cxSslTotal: Counter;
  readonly cxSslActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxDestroyLocal: Counter;
  readonly cxDestroyRemote: Counter;
  readonly cxDestroyActiveRq: Counter;
  readonly cxDestroyLocalActiveRq: Counter;
  readonly cxDestroyRemoteActiveRq: Counter;
  readonly cxDrainClose: Counter;
  readonly cxIdleTimeout: Counter;
  readonly cxDelayedCloseTimeout: Counter;
  readonly cxMaxDurationReached: Counter;
  readonly cxMaxRequestsReached: Counter;
  readonly cxProtocolError: Counter;
  readonly traffic: TrafficStats;
  readonly cxLengthMs: Histogram;
  readonly rqTotal: Counter;
  readonly rqHttp1Total: Counter;
  readonly rqHttp2Total: Counter;
  readonly rqActive: Gauge;
  readonly rqTime: Histogram;
  readonly rqTooManyPrematureResets: Counter;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  readonly rqTimeout: Counter;
  readonly rqHeaderTimeout: Counter;
  readonly rqIdleTimeout: Counter;
  readonly rqMaxDurationReached: Counter;
  readonly rqNonRelativePath: Counter;
  readonly rqTooLarge: Counter;
  readonly rqFailedPathNormalization: Counter;
  readonly rqRedirectedWithNormalizedPath: Counter;
  readonly rqEarlyResponse: Counter;
  readonly cxUpgradesTotal: Counter;
  readonly cxUpgradesActive: Gauge;
  readonly rqWsOnNonWsRoute: Counter;
  readonly flowPaused: Counter;
  readonly flowResumed: Counter;
  readonly responses: ClassCounters;

  constructor(scope: StatsScope) {
    for (const name of silentCounters.split(/\s+/)) scope.counter(name);
    for (const name of silentGauges.split(/\s+/)) scope.gauge(name);
    this.cxTotal = scope.counter('downstream_cx_total');
    this.cxActive = scope.gauge('downstream_cx_active');
    this.cxHttp1Total = scope.counter('downstream_cx_http1_total');
    this.cxHttp1Active = scope.gauge('downstream_cx_http1_active');
    this.cxHttp2Total = scope.counter('downstream_cx_http2_total');
    this.cxHttp2Active = scope.gauge('downstream_cx_http2_active');
    this.cxSslTotal = scope.counter('downstream_cx_ssl_total');
    this.cxSslActive = scope.gauge('downstream_cx_ssl_active');
    this.cxDestroy = scope.counter('downstream_cx_destroy');
    this.cxDestroyLocal = scope.counter('downstream_cx_destroy_local');
    this.cxDestroyRemote = scope.counter('downstream_cx_destroy_remote');
    this.cxDestroyActiveRq = scope.counter('downstream_cx_destroy_active_rq');
    this.cxDestroyLocalActiveRq = scope.counter('downstream_cx_destroy_local_active_rq');
    this.cxDestroyRemoteActiveRq = scope.counter('downstream_cx_destroy_remote_active_rq');
    this.cxDrainClose = scope.counter('downstream_cx_drain_close');
    this.cxIdleTimeout = scope.counter('downstream_cx_idle_timeout');
    this.cxDelayedCloseTimeout = scope.counter('downstream_cx_delayed_close_timeout');
    this.cxMaxDurationReached = scope.counter('downstream_cx_max_duration_reached');
    this.cxMaxRequestsReached = scope.counter('downstream_cx_max_requests_reached');
    this.cxProtocolError = scope.counter('downstream_cx_protocol_error');
    this.traffic = new TrafficStats(scope, 'downstream_cx_');
    this.cxLengthMs = scope.histogram('downstream_cx_length_ms');
    this.rqTotal = scope.counter('downstream_rq_total');
    this.rqHttp1Total = scope.counter('downstream_rq_http1_total');
    this.rqHttp2Total = scope.counter('downstream_rq_http2_total');
    this.rqActive = scope.gauge('downstream_rq_active');
    this.rqTime = scope.histogram('downstream_rq_time');
    this.rqTooManyPrematureResets = scope.counter('downstream_rq_too_many_premature_resets');
    this.rqRxReset = scope.counter('downstream_rq_rx_reset');
    this.rqTxReset = scope.counter('downstream_rq_tx_reset');
    this.rqTimeout = scope.counter('downstream_rq_timeout');
    this.rqHeaderTimeout = scope.counter('downstream_rq_header_timeout');
    this.rqMaxDurationReached = scope.counter('downstream_rq_max_duration_reached');
    this.rqIdleTimeout = scope.counter('downstream_rq_idle_timeout');
    this.rqNonRelativePath = scope.counter('downstream_rq_non_relative_path');
    this.rqTooLarge = scope.counter('downstream_rq_too_large');
    this.rqFailedPathNormalization = scope.counter('downstream_rq_failed_path_normalization');
    this.rqRedirectedWithNormalizedPath = scope.counter('downstream_rq_redirected_with_normalized_path');
    this.rqEarlyResponse = scope.counter('downstream_rq_response_before_rq_complete');
    this.cxUpgradesTotal = scope.counter('downstream_cx_upgrades_total');
    this.cxUpgradesActive = scope.gauge('downstream_cx_upgrades_active');
    this.rqWsOnNonWsRoute = scope.counter('downstream_rq_ws_on_non_ws_route');
    this.flowPaused = scope.counter('downstream_flow_control_paused_reading_total');
    this.flowResumed = scope.counter('downstream_flow_control_resumed_reading_total');
    this.responses = new ClassCounters(scope);
  }
}
