/** What HTTP/2 counts below `http2.`: of all clients together, and of each cluster. */
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { UnderscoreCounters } from '../stats/underscore-counters.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats#http-2-codec-statistics */
export class Http2Stats {
  readonly rxReset: Counter;
  readonly txReset: Counter;
  readonly rxMessagingError: Counter;
  readonly headerOverflow: Counter;
  readonly trailers: Counter;
  readonly emptyFramesFlood: Counter;
  readonly priorityFlood: Counter;
  readonly windowUpdateFlood: Counter;
  readonly outboundFlood: Counter;
  readonly outboundControlFlood: Counter;
  readonly keepAliveTimeout: Counter;
  readonly goAwaySent: Counter;
  readonly streamsActive: Gauge;
  readonly underscores: UnderscoreCounters;

  /** @param scope that ends with `http2.` */
  constructor(scope: StatsScope) {
    for (const name of ['metadata_empty_frames', 'stream_refused_errors', 'tx_flush_timeout']) scope.counter(name);
    this.underscores = new UnderscoreCounters(scope);
    for (const name of [
      'deferred_stream_close',
      'outbound_frames_active',
      'outbound_control_frames_active',
      'pending_send_bytes',
    ])
      scope.gauge(name);
    scope.counter('header_overflow');
    this.rxReset = scope.counter('rx_reset');
    this.txReset = scope.counter('tx_reset');
    this.rxMessagingError = scope.counter('rx_messaging_error');
    this.headerOverflow = scope.counter('header_overflow');
    this.trailers = scope.counter('trailers');
    this.emptyFramesFlood = scope.counter('inbound_empty_frames_flood');
    this.priorityFlood = scope.counter('inbound_priority_frames_flood');
    this.windowUpdateFlood = scope.counter('inbound_window_update_frames_flood');
    this.outboundFlood = scope.counter('outbound_flood');
    this.outboundControlFlood = scope.counter('outbound_control_flood');
    this.keepAliveTimeout = scope.counter('keepalive_timeout');
    this.goAwaySent = scope.counter('goaway_sent');
    this.streamsActive = scope.gauge('streams_active');
  }
}
