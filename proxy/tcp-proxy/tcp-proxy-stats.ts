/** The statistics of a TCP proxy by Envoy's names. */
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { TrafficStats } from '../stats/traffic.ts';

/** What this proxy has no occasion to count: there from the start, as in Envoy. */
const silentCounters =
  'early_data_received_count_total on_demand_cluster_attempt on_demand_cluster_missing on_demand_cluster_success on_demand_cluster_timeout upstream_flush_total';
const silentGauges = 'downstream_cx_rx_bytes_buffered upstream_flush_active';

export class TcpProxyStats {
  readonly cxTotal: Counter;
  readonly cxNoRoute: Counter;
  readonly traffic: TrafficStats;
  readonly flowPaused: Counter;
  readonly flowResumed: Counter;
  readonly idleTimeout: Counter;
  readonly maxDuration: Counter;
  readonly silent: readonly (Counter | Gauge)[];

  constructor(scope: StatsScope) {
    this.cxTotal = scope.counter('downstream_cx_total');
    this.cxNoRoute = scope.counter('downstream_cx_no_route');
    this.traffic = new TrafficStats(scope, 'downstream_cx_');
    this.flowPaused = scope.counter('downstream_flow_control_paused_reading_total');
    this.flowResumed = scope.counter('downstream_flow_control_resumed_reading_total');
    this.idleTimeout = scope.counter('idle_timeout');
    this.maxDuration = scope.counter('max_downstream_connection_duration');
    this.silent = [
      ...silentCounters.split(' ').map(name => scope.counter(name)),
      ...silentGauges.split(' ').map(name => scope.gauge(name)),
    ];
  }
}
