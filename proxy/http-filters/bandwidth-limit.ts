/** Limits how fast bodies pass, all that the configuration or a route's is meant for together (Envoy's bandwidth_limit). */
import type { Message } from '@bufbuild/protobuf';
import { BandwidthLimit_EnableMode as Mode } from '../api/enums.js';
import type { BandwidthLimit } from '../api/envoy/extensions/filters/http/bandwidth_limit/v3/bandwidth_limit_pb.js';
import { milliseconds } from '../duration.ts';
import { HeaderMap, type RequestHeaders, type ResponseHeaders } from '../http/headers.ts';
import { ByteBucket } from '../rate-limit/byte-bucket.ts';
import { RuntimeSwitch } from '../runtime/runtime-values.ts';
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import { type StatsScope, sanitizeStatsName } from '../stats/store.ts';
import {
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  type RouteFilterContext,
  StreamFilter,
  type Verdict,
} from './filter.ts';
import { SlowedBody, usualIntervalMs } from './slowed-body.ts';
import { type BodyWay, requestWay, responseWay } from './transformed-body.ts';

export const bandwidthLimit: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit',
  compile(configuration, context) {
    const limit = new Limit(configuration as Message & BandwidthLimit, context);
    return stream => new BandwidthLimitFilter(stream, limit);
  },
  compileRoute: (configuration, context) => new Limit(configuration as Message & BandwidthLimit, context),
};

type Direction = 'request' | 'response';

/** One direction's statistics. */
class DirectionStats {
  readonly enabled: Counter;
  readonly enforced: Counter;
  readonly pending: Gauge;
  readonly incomingSize: Gauge;
  readonly incomingTotal: Counter;
  readonly allowedSize: Gauge;
  readonly allowedTotal: Counter;
  readonly duration: Histogram;

  constructor(scope: StatsScope, direction: Direction) {
    this.enabled = scope.counter(`${direction}_enabled`);
    this.enforced = scope.counter(`${direction}_enforced`);
    this.pending = scope.gauge(`${direction}_pending`);
    this.incomingSize = scope.gauge(`${direction}_incoming_size`);
    this.incomingTotal = scope.counter(`${direction}_incoming_total_size`);
    this.allowedSize = scope.gauge(`${direction}_allowed_size`);
    this.allowedTotal = scope.counter(`${direction}_allowed_total_size`);
    this.duration = scope.histogram(`${direction}_transfer_duration`);
  }
}

/** One configuration, which all requests under it share. */
class Limit {
  readonly bucket: ByteBucket;
  readonly intervalMs: number;
  readonly stats: Readonly<Record<Direction, DirectionStats>>;
  readonly tellsDelays: boolean;
  readonly trailerPrefix: string;
  readonly #mode: Mode;
  readonly #enabled: RuntimeSwitch;

  constructor(configuration: BandwidthLimit, { rootScope, runtime, shared }: RouteFilterContext) {
    const {
      statPrefix,
      enableMode,
      limitKbps = 0n,
      fillInterval,
      runtimeEnabled,
      responseTrailerPrefix,
    } = configuration;
    const bytesPerSecond = Number(limitKbps) * 1024;
    this.intervalMs = milliseconds(fillInterval, usualIntervalMs);
    this.bucket = new ByteBucket(bytesPerSecond, Math.floor((bytesPerSecond * this.intervalMs) / 1000), shared);
    const scope = rootScope.scope(`${sanitizeStatsName(statPrefix)}.http_bandwidth_limit.`);
    this.stats = { request: new DirectionStats(scope, 'request'), response: new DirectionStats(scope, 'response') };
    this.tellsDelays = configuration.enableResponseTrailers;
    this.trailerPrefix = responseTrailerPrefix === '' ? '' : `${responseTrailerPrefix.toLowerCase()}-`;
    this.#mode = enableMode;
    this.#enabled = new RuntimeSwitch(runtimeEnabled?.defaultValue ?? true, runtimeEnabled?.runtimeKey ?? '', runtime);
  }

  appliesTo(direction: Direction): boolean {
    const bit = direction === 'request' ? Mode.REQUEST : Mode.RESPONSE;
    return (this.#mode & bit) !== 0 && this.#enabled.on;
  }
}

/** One body under the limit. */
class LimitedBody {
  /** Milliseconds that all of it took, where it is through. */
  tookMs = 0;
  /** Milliseconds of those that the limit took. */
  heldMs = 0;
  readonly slowed: SlowedBody;
  readonly #limit: Limit;
  readonly #stats: DirectionStats;
  #startedMs: number | undefined;

  /** @param onDone hears that all of it went on, before its trailers do */
  constructor(limit: Limit, direction: Direction, way: BodyWay, bufferLimit: number, onDone: () => void) {
    this.#limit = limit;
    this.#stats = limit.stats[direction];
    this.#stats.enabled.increment();
    const { bucket, intervalMs } = limit;
    const observer = {
      sent: (bytes: number, waits: boolean) => this.#sent(bytes, waits),
      done: () => {
        this.#finish();
        onDone();
      },
    };
    this.slowed = new SlowedBody(way, { bucket, intervalMs, bufferLimit, observer });
  }

  add(chunk: Buffer, end: boolean, trailers?: HeaderMap): void {
    if (this.#startedMs === undefined) {
      this.#startedMs = performance.now();
      this.#stats.pending.add(1);
    }
    this.#stats.incomingSize.set(chunk.length);
    this.#stats.incomingTotal.add(chunk.length);
    this.slowed.add(chunk, end, trailers);
  }

  #sent(bytes: number, waits: boolean): void {
    this.#stats.allowedSize.set(bytes);
    this.#stats.allowedTotal.add(bytes);
    if (!waits) return;
    this.#stats.enforced.increment();
    this.heldMs += this.#limit.intervalMs;
  }

  #finish(): void {
    if (this.#startedMs === undefined) return;
    this.tookMs = Math.floor(performance.now() - this.#startedMs);
    this.#startedMs = undefined;
    this.#stats.duration.record(this.tookMs);
    // Only here, as in Envoy: one that is given up counts as pending for ever.
    this.#stats.pending.add(-1);
  }
}

class BandwidthLimitFilter extends StreamFilter {
  readonly #limit: Limit;
  #request: LimitedBody | undefined;
  #response: LimitedBody | undefined;
  /** Those that end the response, once they are known. */
  #trailers: HeaderMap | undefined;

  constructor(stream: FilterStream, limit: Limit) {
    super(stream);
    this.#limit = (stream.routeConfig as Limit | undefined) ?? limit;
  }

  override onRequestHead(_head: RequestHeaders): Verdict {
    if (this.#limit.appliesTo('request'))
      this.#request = new LimitedBody(
        this.#limit,
        'request',
        requestWay(this.stream),
        this.stream.bufferLimit,
        () => {},
      );
    return 'continue';
  }

  override onRequestData(chunk: Buffer, end: boolean): Passed {
    if (this.#request === undefined) return chunk;
    this.#request.add(chunk, end);
    return 'hold';
  }

  override onRequestTrailers(trailers: HeaderMap): PassedTrailers {
    if (this.#request === undefined) return 'continue';
    this.#request.slowed.addTrailers(trailers);
    return 'hold';
  }

  override onResponseHead(_head: ResponseHeaders): Verdict {
    if (this.#limit.appliesTo('response'))
      this.#response = new LimitedBody(this.#limit, 'response', responseWay(this.stream), this.stream.bufferLimit, () =>
        this.#tellDelays(),
      );
    return 'continue';
  }

  override onResponseData(chunk: Buffer, end: boolean): Passed {
    if (this.#response === undefined) return chunk;
    if (end && this.#limit.tellsDelays) this.#trailers = new HeaderMap();
    this.#response.add(chunk, end, this.#trailers);
    return 'hold';
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    if (this.#response === undefined) return 'continue';
    this.#trailers = trailers;
    this.#response.slowed.addTrailers(trailers);
    return 'hold';
  }

  #tellDelays(): void {
    const { tellsDelays, trailerPrefix } = this.#limit;
    if (!tellsDelays) return;
    const delays = {
      'request-delay': this.#request?.tookMs,
      'request-filter-delay': this.#request?.heldMs,
      'response-delay': this.#response?.tookMs,
      'response-filter-delay': this.#response?.heldMs,
    };
    for (const [name, ms = 0] of Object.entries(delays))
      if (ms > 0) this.#trailers?.set(`${trailerPrefix}bandwidth-${name}-ms`, String(ms));
  }

  override onStreamEnd(): void {
    this.#request?.slowed.stop();
    this.#response?.slowed.stop();
  }
}
