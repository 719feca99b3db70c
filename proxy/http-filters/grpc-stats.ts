/**
 * Counts calls of gRPC and their messages, by method where that is wanted (Envoy's gRPC statistics).
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_stats_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { FilterConfig } from '../api/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { StatsScope } from '../stats/store.ts';
import type { FilterStateObject } from '../stream-info.ts';
import {
  type FilterContext,
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';
import { countGrpcStatus, GrpcFrameScanner, type GrpcMethod, grpcMethodOf } from './grpc-calls.ts';

export const grpcStats: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  compile(configuration, context) {
    const settings = new GrpcStatsSettings(configuration as Message & FilterConfig);
    return stream => new GrpcStatsFilter(stream, settings, context);
  },
};

const stateKey = 'envoy.filters.http.grpc_stats';

class GrpcStatsSettings {
  readonly measuresTime: boolean;
  /** Logs and filters may read how many messages there were. */
  readonly keepsCounts: boolean;
  /** Methods that are counted by themselves: all, or those of these services. */
  readonly #methods: 'all' | ReadonlyMap<string, readonly string[]>;
  readonly #replacesDots: boolean;

  constructor(configuration: FilterConfig) {
    const { perMethodStatSpecifier: specifier } = configuration;
    this.measuresTime = configuration.enableUpstreamStats;
    this.keepsCounts = configuration.emitFilterState;
    this.#replacesDots = configuration.replaceDotsInGrpcServiceName;
    if (specifier.case === 'individualMethodStatsAllowlist')
      this.#methods = new Map(specifier.value.services.map(({ name, methodNames }) => [name, methodNames]));
    else this.#methods = specifier.case === 'statsForAllMethods' && specifier.value ? 'all' : new Map();
  }

  /** What the statistics of a method begin with, behind the cluster's name. */
  prefixOf({ service, method }: GrpcMethod): string {
    if (this.#methods !== 'all') {
      const counted = this.#methods.get(service)?.includes(method) === true;
      return counted ? `grpc.${service}.${method}.` : 'grpc.';
    }
    return `grpc.${this.#replacesDots ? service.replaceAll('.', '_') : service}.${method}.`;
  }
}

/** How many messages there were, for logs. */
class MessageCounts implements FilterStateObject {
  request = 0;
  response = 0;

  get text(): string {
    return `${this.request},${this.response}`;
  }

  /** Numbers of 64 bits are texts in JSON, and 0 is left out. */
  get fields(): JsonObject {
    return {
      ...(this.request > 0 && { requestMessageCount: String(this.request) }),
      ...(this.response > 0 && { responseMessageCount: String(this.response) }),
    };
  }
}

class GrpcStatsFilter extends StreamFilter {
  readonly #settings: GrpcStatsSettings;
  readonly #context: FilterContext;
  /** Undefined where no method is called that could be counted. */
  #scope: StatsScope | undefined;
  #prefix = '';
  #counts: MessageCounts | undefined;
  /** Undefined where there is nothing to scan. */
  #requests: GrpcFrameScanner | undefined;
  #responses: GrpcFrameScanner | undefined;

  constructor(stream: FilterStream, settings: GrpcStatsSettings, context: FilterContext) {
    super(stream);
    this.#settings = settings;
    this.#context = context;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    if (!isGrpc(head)) return 'continue';
    this.#requests = new GrpcFrameScanner();
    const called = grpcMethodOf(head.path);
    if (called === undefined) return 'continue';
    this.#scope = this.#context.cluster(this.stream.route?.cluster?.clusterName ?? '')?.scope;
    this.#prefix = this.#settings.prefixOf(called);
    return 'continue';
  }

  override onRequestData(chunk: Buffer): Passed {
    if (this.#requests !== undefined) this.#countMessages('request', this.#requests.scan(chunk));
    return chunk;
  }

  override onResponseHead(head: ResponseHeaders, end: boolean): Verdict {
    if (head.status === 200 && isGrpc(head)) this.#responses = new GrpcFrameScanner();
    if (this.#scope === undefined) return 'continue';
    countGrpcStatus(this.#scope, this.#prefix, head);
    if (end) this.#measure();
    return 'continue';
  }

  override onResponseData(chunk: Buffer): Passed {
    if (this.#responses !== undefined) this.#countMessages('response', this.#responses.scan(chunk));
    return chunk;
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    if (this.#scope === undefined) return 'continue';
    countGrpcStatus(this.#scope, this.#prefix, trailers);
    this.#measure();
    return 'continue';
  }

  #countMessages(kind: 'request' | 'response', count: number): void {
    if (count === 0) return;
    this.#scope?.counter(`${this.#prefix}${kind}_message_count`).add(count);
    if (!this.#settings.keepsCounts) return;
    this.#counts ??= this.#keptCounts();
    this.#counts[kind] += count;
  }

  #keptCounts(): MessageCounts {
    const { info } = this.stream;
    const counts = new MessageCounts();
    info.filterState ??= new Map();
    info.filterState.set(stateKey, counts);
    return counts;
  }

  /** From the last byte to the host until its last one, which has just come. */
  #measure(): void {
    const sent = this.stream.info.upstreamLastSentMs;
    if (!this.#settings.measuresTime || sent < 0) return;
    this.#scope?.histogram(`${this.#prefix}upstream_rq_time`).record(Math.floor(this.stream.elapsedMs() - sent));
  }
}
