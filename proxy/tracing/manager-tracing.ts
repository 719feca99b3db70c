/** What a connection manager's configuration says of tracing, compiled. Without it nothing of this exists. */
import { TrafficDirection } from '../api/enums.js';
import type { HttpConnectionManager_Tracing as Configuration } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import type { StreamInfo } from '../stream-info.ts';
import { compileTags, type Tag } from './custom-tags.ts';
import { RequestTrace } from './request-trace.ts';
import { compileShares, decide, fractionOfPercent, type Reason, type RequestIdRules, type Shares } from './sampling.ts';
import type { Direction, Span, Tracer } from './span.ts';
import type { Tracers } from './tracers.ts';

const usualPathLength = 256;

export interface ManagerTracingContext {
  /** `http.<stat_prefix>.` */
  scope: StatsScope;
  runtime: RuntimeValues | undefined;
  tracers: Tracers;
  trafficDirection: TrafficDirection;
  nodeId: string;
  nodeZone: string;
  requestIds: RequestIdRules;
  cluster(name: string): Cluster | undefined;
}

/** What tracing needs of a stream. */
export interface TracedStream {
  readonly info: StreamInfo;
  readonly route: RouteEntry | undefined;
}

export class ManagerTracing {
  readonly direction: Direction;
  /** Undefined: reasons are found and told by request ids, nothing else. */
  readonly tracer: Tracer | undefined;
  /** Each try at an upstream has a span of its own. */
  readonly spansOfTries: boolean;
  readonly verbose: boolean;
  /** Characters of a path that a span tells. */
  readonly maxPathLength: number;
  readonly #shares: Shares;
  readonly #tags: readonly Tag[];
  readonly #counters: Readonly<Record<Reason, Counter>>;
  readonly #healthChecks: Counter;
  readonly #context: ManagerTracingContext;

  /** Throws what cannot work. */
  constructor(configuration: Configuration, context: ManagerTracingContext) {
    this.#context = context;
    this.direction = context.trafficDirection === TrafficDirection.OUTBOUND ? 'egress' : 'ingress';
    this.tracer = configuration.provider && context.tracers.of(configuration.provider);
    this.spansOfTries = configuration.spawnUpstreamSpan ?? false;
    this.verbose = configuration.verbose;
    this.maxPathLength = configuration.maxPathTagLength ?? usualPathLength;
    this.#tags = compileTags(configuration.customTags);
    const { clientSampling: client, randomSampling: random, overallSampling: overall } = configuration;
    this.#shares = compileShares(
      {
        client: fractionOfPercent(client?.value),
        random: fractionOfPercent(random?.value),
        overall: fractionOfPercent(overall?.value),
      },
      context.runtime,
    );
    const counter = (name: string) => context.scope.counter(`tracing.${name}`);
    this.#counters = {
      sampling: counter('random_sampling'),
      'service-forced': counter('service_forced'),
      'client-forced': counter('client_enabled'),
      'not-traceable': counter('not_traceable'),
    };
    this.#healthChecks = counter('health_check');
  }

  cluster(name: string): Cluster | undefined {
    return this.#context.cluster(name);
  }

  /**
   * Decides about a request, before any filter sees it.
   * @param again of a request that began anew only its headers tell whether it is traced, as in Envoy
   */
  begin(stream: TracedStream, head: RequestHeaders, again: boolean): RequestTrace {
    const { info, route } = stream;
    const reason = again
      ? 'not-traceable'
      : decide(head, route?.tracing?.shares ?? this.#shares, this.#context.requestIds);
    info.requestId = head.get('x-request-id') ?? '';
    info.traceForced = reason === 'service-forced';
    const trace = new RequestTrace(this, stream, reason, this.#startSpan(head, info, reason !== 'not-traceable'));
    trace.decorate(head, route?.decorator);
    return trace;
  }

  #startSpan(head: RequestHeaders, info: StreamInfo, traced: boolean): Span | undefined {
    const { tracer, direction } = this;
    const kind = direction === 'egress' && !this.spansOfTries ? 'CLIENT' : 'SERVER';
    const span = tracer?.start(head, { kind, direction, startMs: info.startMs, traced });
    if (tracer === undefined || span === undefined) return undefined;
    info.traceId = span.facts.traceId;
    info.spanId = tracer.loggedId(span);
    if (span.facts.sampled) span.tags.set('node_id', this.#context.nodeId).set('zone', this.#context.nodeZone);
    return span;
  }

  /** Counts a request at its end: only then it is known whether a filter took it for a health check, which Envoy counts twice. */
  count(reason: Reason, healthCheck: boolean): void {
    if (healthCheck) this.#healthChecks.increment();
    this.#counters[healthCheck ? 'not-traceable' : reason].increment();
  }

  /** The configuration's own tags; the route's go before the manager's. */
  tagsFor(route: RouteEntry | undefined): readonly (readonly Tag[])[] {
    const ofRoute = route?.tracing?.tags;
    return ofRoute === undefined ? [this.#tags] : [this.#tags, ofRoute];
  }
}
