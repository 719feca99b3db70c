/**
 * Injects faults: delays, aborts, slow responses (Envoy's HTTPFault). They come before the router, so no retry of the same proxy ever sees them.
 * Configured percentages can be changed by the runtime; the headers `x-envoy-fault-*` decide where the configuration says so.
 */
import type { Message } from '@bufbuild/protobuf';
import type { HTTPFault } from '../api/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import type { FractionalPercent } from '../api/envoy/type/v3/percent_pb.js';
import { milliseconds } from '../duration.ts';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders } from '../http/headers.ts';
import { ByteBucket } from '../rate-limit/byte-bucket.ts';
import { type HeaderTest, headerTest } from '../routing/string-match.ts';
import { RuntimeFraction } from '../runtime/fractional-percent.ts';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { flag } from '../stream-info.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';
import { type Tally, tallyBytes, tallyOf } from '../workers/tally.ts';
import {
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';
import { SlowedBody, usualIntervalMs } from './slowed-body.ts';
import { responseWay } from './transformed-body.ts';

const typeName = 'envoy.extensions.filters.http.fault.v3.HTTPFault';

export const fault: HttpFilterType = {
  typeName,
  compile(configuration, { scope, runtime, shared }) {
    const settings = new FaultSettings(configuration as Message & HTTPFault, runtime);
    const stats = new FaultStats(scope, shared);
    return stream => new FaultFilter(stream, settings, stats);
  },
  compileRoute: (configuration, { runtime }) => new FaultSettings(configuration as Message & HTTPFault, runtime),
};

class FaultStats {
  readonly aborts: Counter;
  readonly delays: Counter;
  readonly rateLimits: Counter;
  readonly overflow: Counter;
  readonly #active: Gauge;
  /** Of all workers; undefined: there is one. */
  readonly #activeOfAll: Tally | undefined;

  constructor(scope: StatsScope, shared: SharedMemory | undefined) {
    this.aborts = scope.counter('fault.aborts_injected');
    this.delays = scope.counter('fault.delays_injected');
    this.rateLimits = scope.counter('fault.response_rl_injected');
    this.overflow = scope.counter('fault.faults_overflow');
    this.#active = scope.gauge('fault.active_faults');
    this.#activeOfAll = shared && tallyOf(1, shared.buffer(`${scope.prefix}fault`, tallyBytes(1)));
  }

  get active(): number {
    return this.#activeOfAll?.get(0) ?? this.#active.value;
  }

  countActive(more: 1 | -1): void {
    this.#active.add(more);
    this.#activeOfAll?.add(0, more);
  }
}

/** A share that a header may make smaller. */
class Share {
  readonly #configured: RuntimeFraction;
  readonly #header: string;

  constructor(
    fraction: FractionalPercent | undefined,
    key: string,
    header: string,
    runtime: RuntimeValues | undefined,
  ) {
    this.#configured = new RuntimeFraction(fraction, key, runtime);
    this.#header = header;
  }

  /** @param byHeader the fault is asked for by headers, so its share may be too */
  includes(head: RequestHeaders, byHeader: boolean): boolean {
    const asked = byHeader ? wholeNumber(head.get(this.#header)) : undefined;
    return this.#configured.includes(Math.floor(Math.random() * 0x4000_0000), asked);
  }
}

class FaultSettings {
  readonly maximum: RuntimeNumber;
  readonly delay: Share | undefined;
  readonly abort: Share | undefined;
  readonly slowing: Share | undefined;
  readonly #configuration: HTTPFault;
  readonly #headers: readonly HeaderTest[];
  readonly #delayMs: RuntimeNumber;
  readonly #status: RuntimeNumber;
  readonly #grpcStatus: RuntimeNumber;

  constructor(configuration: HTTPFault, runtime: RuntimeValues | undefined) {
    this.#configuration = configuration;
    this.#headers = configuration.headers.map(headerTest);
    const key = (own: string, usual: string) => own || `fault.http.${usual}`;
    const { delay, abort, responseRateLimit: slowing, maxActiveFaults } = configuration;
    const share = (fraction: FractionalPercent | undefined, name: string, header: string) =>
      new Share(fraction, name, `x-envoy-fault-${header}-percentage`, runtime);
    if (delay !== undefined)
      this.delay = share(
        delay.percentage,
        key(configuration.delayPercentRuntime, 'delay.fixed_delay_percent'),
        'delay-request',
      );
    if (abort !== undefined)
      this.abort = share(
        abort.percentage,
        key(configuration.abortPercentRuntime, 'abort.abort_percent'),
        'abort-request',
      );
    if (slowing !== undefined) {
      const name = key(configuration.responseRateLimitPercentRuntime, 'rate_limit.response_percent');
      this.slowing = share(slowing.percentage, name, 'throughput-response');
    }
    const number = (value: number, own: string, usual: string) => new RuntimeNumber(value, key(own, usual), runtime);
    const secifier = delay?.faultDelaySecifier;
    const delayMs = secifier?.case === 'fixedDelay' ? milliseconds(secifier.value, 0) : 0;
    this.#delayMs = number(delayMs, configuration.delayDurationRuntime, 'delay.fixed_duration_ms');
    const type = abort?.errorType;
    this.#status = number(
      type?.case === 'httpStatus' ? type.value : 0,
      configuration.abortHttpStatusRuntime,
      'abort.http_status',
    );
    this.#grpcStatus = number(
      type?.case === 'grpcStatus' ? type.value : -1,
      configuration.abortGrpcStatusRuntime,
      'abort.grpc_status',
    );
    this.maximum = number(
      maxActiveFaults ?? Number.MAX_SAFE_INTEGER,
      configuration.maxActiveFaultsRuntime,
      'max_active_faults',
    );
  }

  /** Whether the configuration is meant for this request. */
  appliesTo(head: RequestHeaders, cluster: string, node: string | undefined): boolean {
    const { upstreamCluster, downstreamNodes } = this.#configuration;
    if (upstreamCluster !== '' && upstreamCluster !== cluster) return false;
    if (downstreamNodes.length > 0 && (node === undefined || !downstreamNodes.includes(node))) return false;
    return this.#headers.every(test => test(head));
  }

  /** Milliseconds that this request is held up; 0: not at all. */
  delayMs(head: RequestHeaders): number {
    const byHeader = this.#configuration.delay?.faultDelaySecifier.case === 'headerDelay';
    if (this.delay?.includes(head, byHeader) !== true) return 0;
    return byHeader ? (wholeNumber(head.get('x-envoy-fault-delay-request')) ?? 0) : this.#delayMs.value;
  }

  /** What this request is answered with; undefined: it goes on. */
  answer(head: RequestHeaders): { status: number; grpcStatus: number | undefined } | undefined {
    const { abort } = this.#configuration;
    const byHeader = abort?.errorType.case === 'headerAbort';
    if (this.abort?.includes(head, byHeader) !== true) return undefined;
    if (byHeader) return askedAnswer(head);
    if (abort?.errorType.case === 'grpcStatus') {
      const grpcStatus = this.#grpcStatus.value;
      return grpcStatus < 0 ? undefined : { status: 200, grpcStatus };
    }
    const status = this.#status.value;
    return status >= 200 && status < 600 ? { status, grpcStatus: undefined } : undefined;
  }

  /** Kibibytes a second for the response; 0: as fast as it can. */
  responseLimit(head: RequestHeaders): number {
    const limit = this.#configuration.responseRateLimit?.limitType;
    const byHeader = limit?.case === 'headerLimit';
    if (this.slowing?.includes(head, byHeader) !== true) return 0;
    if (byHeader) return wholeNumber(head.get('x-envoy-fault-throughput-response')) ?? 0;
    return limit?.case === 'fixedLimit' ? Number(limit.value.limitKbps) : 0;
  }
}

function askedAnswer(head: RequestHeaders): { status: number; grpcStatus: number | undefined } | undefined {
  const status = wholeNumber(head.get('x-envoy-fault-abort-request'));
  if (status !== undefined && status >= 200 && status < 600) return { status, grpcStatus: undefined };
  const grpcStatus = wholeNumber(head.get('x-envoy-fault-abort-grpc-request'));
  return grpcStatus === undefined ? undefined : { status: 200, grpcStatus };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

class FaultFilter extends StreamFilter {
  readonly #settings: FaultSettings;
  readonly #stats: FaultStats;
  #timer: NodeJS.Timeout | undefined;
  #active = false;
  #slowed: SlowedBody | undefined;

  constructor(stream: FilterStream, settings: FaultSettings, stats: FaultStats) {
    super(stream);
    this.#settings = (stream.routeConfig as FaultSettings | undefined) ?? settings;
    this.#stats = stats;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const settings = this.#settings;
    const cluster = this.stream.route?.cluster?.clusterName ?? '';
    if (!settings.appliesTo(head, cluster, head.get('x-envoy-downstream-service-node'))) return 'continue';
    if (this.#stats.active >= settings.maximum.value) {
      this.#stats.overflow.increment();
      return 'continue';
    }
    this.#slowResponse(settings.responseLimit(head));
    const delayMs = settings.delayMs(head);
    if (delayMs <= 0) return this.#abort(head) ? 'stop' : 'continue';
    this.#stats.delays.increment();
    this.#begin();
    this.stream.info.flags |= flag.DELAY_INJECTED;
    this.#timer = setTimeout(() => {
      if (!this.#abort(head)) this.stream.continueRequest();
    }, delayMs);
    return 'stop';
  }

  #abort(head: RequestHeaders): boolean {
    const answer = this.#settings.answer(head);
    if (answer === undefined) return false;
    this.#stats.aborts.increment();
    this.stream.info.flags |= flag.FAULT_INJECTED;
    this.stream.localReply(answer.status, 'fault filter abort', 'fault_filter_abort', response => {
      if (answer.grpcStatus !== undefined && isGrpc(head)) response.add('grpc-status', String(answer.grpcStatus));
    });
    return true;
  }

  #slowResponse(limitKbps: number): void {
    if (limitKbps <= 0) return;
    this.#stats.rateLimits.increment();
    this.#begin();
    const bytesPerSecond = limitKbps * 1024;
    this.#slowed = new SlowedBody(responseWay(this.stream), {
      bucket: new ByteBucket(bytesPerSecond, Math.floor((bytesPerSecond * usualIntervalMs) / 1000), undefined),
      intervalMs: usualIntervalMs,
      bufferLimit: this.stream.bufferLimit,
    });
  }

  override onResponseData(chunk: Buffer, end: boolean): Passed {
    if (this.#slowed === undefined) return chunk;
    this.#slowed.add(chunk, end);
    return 'hold';
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    if (this.#slowed === undefined) return 'continue';
    this.#slowed.addTrailers(trailers);
    return 'hold';
  }

  #begin(): void {
    if (this.#active) return;
    this.#active = true;
    this.#stats.countActive(1);
  }

  override onStreamEnd(): void {
    clearTimeout(this.#timer);
    this.#slowed?.stop();
    if (this.#active) this.#stats.countActive(-1);
    this.#active = false;
  }
}
