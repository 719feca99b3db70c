/**
 * Answers health checks of this proxy (Envoy's health_check): by itself, by the health of clusters, or by what the service answers, kept for a while.
 * While `/healthcheck/fail` of the admin interface holds they fail, and all responses tell checkers to send nobody here any more.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/health_check_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { HealthCheck } from '../api/envoy/extensions/filters/http/health_check/v3/health_check_pb.js';
import { milliseconds } from '../duration.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { type HeaderTest, headerTest } from '../routing/string-match.ts';
import type { Counter } from '../stats/stats.ts';
import { flag } from '../stream-info.ts';
import {
  type FilterContext,
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';

export const healthCheck: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.health_check.v3.HealthCheck',
  compile(configuration, context) {
    const settings = new Settings(configuration as Message & HealthCheck, context);
    return stream => new HealthCheckFilter(stream, settings);
  },
};

/** What a check is answered with. */
interface Finding {
  status: number;
  details: string;
  degraded?: boolean;
  /** The statistics that count it. */
  counted: readonly (keyof ReturnType<typeof countersOf>)[];
}

const ok: Finding = { status: 200, details: 'health_check_ok', counted: ['ok'] };
const allHealthy: Finding = { status: 200, details: 'health_check_ok_cluster_healthy', counted: ['ok'] };
const failed: Finding = { status: 503, details: 'health_check_failed', counted: ['failed'] };
const noCluster: Finding = {
  status: 503,
  details: 'health_check_failed_no_cluster_found',
  counted: ['failed', 'clusterNotFound'],
};
const emptyCluster: Finding = {
  status: 503,
  details: 'health_check_failed_cluster_empty',
  counted: ['failed', 'clusterEmpty'],
};
const unhealthyCluster: Finding = {
  status: 503,
  details: 'health_check_failed_cluster_unhealthy',
  counted: ['failed', 'clusterUnhealthy'],
};

function countersOf({ scope }: FilterContext) {
  const counter = (name: string): Counter => scope.counter(`health_check.${name}`);
  return {
    total: counter('request_total'),
    ok: counter('ok'),
    failed: counter('failed'),
    cached: counter('cached_response'),
    clusterNotFound: counter('failed_cluster_not_found'),
    clusterEmpty: counter('failed_cluster_empty'),
    clusterUnhealthy: counter('failed_cluster_unhealthy'),
    degraded: counter('degraded'),
  };
}

/** The last answer to a check. All that is kept is thrown away every `lifetimeMs`, whenever it came, as in Envoy. */
export class KeptAnswer {
  readonly #lifetimeMs: number;
  readonly #clock: () => number;
  readonly #since: number;
  /** The status, and whether the service is degraded; in which period that came. */
  readonly #cells: Int32Array;

  /**
   * @param clock tells the time in milliseconds, from any moment on
   * @param memory `KeptAnswer.bytes` that all workers share, whose clock is the same then
   */
  constructor(lifetimeMs: number, clock = ownClock, memory: ArrayBufferLike = new ArrayBuffer(KeptAnswer.bytes)) {
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
    // The first worker writes it, before there are others.
    const start = new Float64Array(memory, 0, 1);
    if (start[0] === 0) start[0] = clock();
    this.#since = start[0]!;
    this.#cells = new Int32Array(memory, Float64Array.BYTES_PER_ELEMENT, 2);
  }

  static readonly bytes: number = Float64Array.BYTES_PER_ELEMENT + 2 * Int32Array.BYTES_PER_ELEMENT;

  keep(status: number, degraded: boolean): void {
    Atomics.store(this.#cells, 0, 2 * status + (degraded ? 1 : 0));
    Atomics.store(this.#cells, 1, this.#now());
  }

  /** Undefined where none is kept. */
  get fresh(): Finding | undefined {
    if (Atomics.load(this.#cells, 1) !== this.#now()) return undefined;
    const answer = Atomics.load(this.#cells, 0);
    const [status, degraded] = [answer >> 1, answer % 2 === 1];
    const fine = status >= 200 && status < 300;
    const counted = ['cached', fine ? 'ok' : 'failed', ...(degraded ? ['degraded' as const] : [])] as const;
    return { status, details: 'health_check_cached', degraded, counted };
  }

  /** The period; the first is 1. */
  #now(): number {
    return 1 + Math.floor((this.#clock() - this.#since) / this.#lifetimeMs);
  }
}

const ownClock = (): number => performance.now();
const clockOfAll = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

function keptAnswer(lifetimeMs: number, { shared }: FilterContext): KeptAnswer {
  if (shared === undefined) return new KeptAnswer(lifetimeMs);
  return new KeptAnswer(lifetimeMs, clockOfAll, shared.next('health check', KeptAnswer.bytes));
}

class Settings {
  readonly passThrough: boolean;
  readonly kept: KeptAnswer | undefined;
  readonly counters: ReturnType<typeof countersOf>;
  readonly nodeCluster: string;
  readonly #headers: readonly HeaderTest[];
  /** The least share of hosts that can be used, in percent. */
  readonly #clusters: readonly (readonly [name: string, percent: number])[];
  readonly #context: FilterContext;

  constructor(configuration: HealthCheck, context: FilterContext) {
    this.passThrough = configuration.passThroughMode ?? false;
    const cacheMs = milliseconds(configuration.cacheTime, 0);
    if (cacheMs > 0) this.kept = keptAnswer(cacheMs, context);
    this.counters = countersOf(context);
    this.nodeCluster = context.nodeCluster;
    this.#headers = configuration.headers.map(headerTest);
    this.#clusters = Object.entries(configuration.clusterMinHealthyPercentages).map(
      ([name, { value }]) => [name, Math.trunc(value)] as const,
    );
    this.#context = context;
  }

  get failing(): boolean {
    return this.#context.healthcheck.failed;
  }

  isCheck(head: RequestHeaders): boolean {
    return this.#headers.every(test => test(head));
  }

  /** What a check that goes no further is answered with. */
  finding(): Finding {
    if (this.failing) return failed;
    const kept = this.kept?.fresh;
    if (kept !== undefined) return kept;
    if (this.#clusters.length === 0) return ok;
    for (const [name, percent] of this.#clusters) {
      const problem = this.#problemOf(name, percent);
      if (problem !== undefined) return problem;
    }
    return allHealthy;
  }

  #problemOf(name: string, percent: number): Finding | undefined {
    const cluster = this.#context.cluster(name);
    if (cluster === undefined) return noCluster;
    const { total, healthy, degraded } = cluster.membership;
    if (total.value === 0) return percent === 0 ? undefined : emptyCluster;
    const usable = healthy.value + degraded.value;
    return 100 * usable < total.value * percent ? unhealthyCluster : undefined;
  }
}

class HealthCheckFilter extends StreamFilter {
  readonly #settings: Settings;
  #isCheck = false;
  /** The check is answered here, once it is whole. */
  #handled = false;

  constructor(stream: FilterStream, settings: Settings) {
    super(stream);
    this.#settings = settings;
  }

  override onRequestHead(head: RequestHeaders, end: boolean): Verdict {
    const settings = this.#settings;
    if (!settings.isCheck(head)) return 'continue';
    this.#isCheck = true;
    this.stream.info.healthCheck = true;
    if (settings.passThrough && !settings.failing && settings.kept?.fresh === undefined) return 'continue';
    this.#handled = true;
    settings.counters.total.increment();
    if (end) this.#answer();
    return 'collect';
  }

  /** Nobody wants the body. */
  override onRequestData(chunk: Buffer, end: boolean): Passed {
    if (!this.#handled) return chunk;
    if (end) this.#answer();
    return 'hold';
  }

  override onRequestTrailers(_trailers: HeaderMap): PassedTrailers {
    if (!this.#handled) return 'continue';
    this.#answer();
    return 'hold';
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    const settings = this.#settings;
    if (this.#isCheck) {
      settings.kept?.keep(head.status, head.has('x-envoy-degraded'));
      head.set('x-envoy-upstream-healthchecked-cluster', settings.nodeCluster);
    }
    if (settings.failing) head.set('x-envoy-immediate-health-check-fail', 'true');
    return 'continue';
  }

  #answer(): void {
    const { counters } = this.#settings;
    const { status, details, degraded = false, counted } = this.#settings.finding();
    for (const name of counted) counters[name].increment();
    if (status < 200 || status > 299) this.stream.info.flags |= flag.FAILED_LOCAL_HEALTH_CHECK;
    this.stream.localReply(status, '', details, head => {
      if (degraded) head.set('x-envoy-degraded', '');
    });
  }
}
