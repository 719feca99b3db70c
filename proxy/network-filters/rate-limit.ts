/**
 * Lets a service decide by gRPC how many connections may come (Envoy's ratelimit for connections).
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rate_limit_filter
 */
import type { Message } from '@bufbuild/protobuf';
import { compileFormat, type Formatter } from '../access-log/format.ts';
import type { RateLimit } from '../api/envoy/extensions/filters/network/ratelimit/v3/rate_limit_pb.js';
import { milliseconds } from '../duration.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { type Asked, decodeAnswer, encodeQuestion, rateLimitMethod } from '../rate-limit/rate-limit-messages.ts';
import { RuntimeNumber } from '../runtime/runtime-values.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import type { StreamInfo } from '../stream-info.ts';
import { AskingFilter } from './asking-filter.ts';
import type { FilteredClient, NetworkFilterContext, NetworkFilterType, Verdict } from './network-filter.ts';

export const rateLimit: NetworkFilterType = {
  typeName: 'envoy.extensions.filters.network.ratelimit.v3.RateLimit',
  compile(configuration, context) {
    const limits = new ServiceLimits(configuration as Message & RateLimit, context);
    return client => new RateLimitFilter(client, limits);
  },
};

const usualTimeoutMs = 20;

/** What the connections under one configuration share. */
class ServiceLimits {
  readonly client: GrpcClient;
  readonly timeoutMs: number;
  readonly denies: boolean;
  readonly enabled: RuntimeNumber;
  readonly enforced: RuntimeNumber;
  readonly active: Gauge;
  readonly counted: Record<'total' | 'ok' | 'over_limit' | 'error' | 'failure_mode_allowed' | 'cx_closed', Counter>;
  readonly #domain: string;
  readonly #descriptors: readonly (readonly { key: string; value: Formatter }[])[];

  constructor(said: RateLimit, { rootScope, cluster, runtime }: NetworkFilterContext) {
    this.client = new GrpcClient(said.rateLimitService!.grpcService!, cluster);
    this.timeoutMs = milliseconds(said.timeout, usualTimeoutMs);
    this.denies = said.failureModeDeny;
    this.enabled = new RuntimeNumber(100, 'ratelimit.tcp_filter_enabled', runtime);
    this.enforced = new RuntimeNumber(100, 'ratelimit.tcp_filter_enforcing', runtime);
    this.#domain = said.domain;
    this.#descriptors = said.descriptors.map(({ entries }) =>
      entries.map(({ key, value }) => ({ key, value: compileFormat(value) })),
    );
    const scope = rootScope.scope(`ratelimit.${sanitizeStatsName(said.statPrefix)}.`);
    this.active = scope.gauge('active');
    this.counted = {
      total: scope.counter('total'),
      ok: scope.counter('ok'),
      over_limit: scope.counter('over_limit'),
      error: scope.counter('error'),
      failure_mode_allowed: scope.counter('failure_mode_allowed'),
      cx_closed: scope.counter('cx_closed'),
    };
  }

  question(info: StreamInfo): Uint8Array {
    const asked = this.#descriptors.map(
      (entries): Asked => ({
        entries: entries.map(({ key, value }) => ({ key, value: value(info) })),
        limit: undefined,
      }),
    );
    return encodeQuestion(this.#domain, asked);
  }
}

class RateLimitFilter extends AskingFilter {
  readonly #limits: ServiceLimits;

  constructor(client: FilteredClient, limits: ServiceLimits) {
    super(client);
    this.#limits = limits;
  }

  override onConnection(): Verdict {
    const { client, timeoutMs, active, enabled, counted } = this.#limits;
    if (!isDrawn(enabled)) return 'continue';
    counted.total.increment();
    const message = this.#limits.question(this.client.info);
    const question = { client, method: rateLimitMethod, message, timeoutMs, active, decode: decodeAnswer };
    return this.ask(question, answer => this.#take(answer && (answer.limited ?? false)));
  }

  /** @param limited undefined where the service did not say */
  #take(limited: boolean | undefined): Verdict {
    const { counted, denies, enforced } = this.#limits;
    counted[limited === undefined ? 'error' : limited ? 'over_limit' : 'ok'].increment();
    if (limited && isDrawn(enforced)) return this.#close();
    if (limited !== undefined) return 'continue';
    if (denies) return this.#close();
    counted.failure_mode_allowed.increment();
    return 'continue';
  }

  #close(): Verdict {
    this.#limits.counted.cx_closed.increment();
    this.client.close();
    return 'stop';
  }
}

const isDrawn = (percent: RuntimeNumber): boolean => Math.random() * 100 < percent.value;
