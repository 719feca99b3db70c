/** Limits requests by buckets of tokens in this proxy (Envoy's local_ratelimit): one for all, and one for each descriptor that is named. */
import type { Message } from '@bufbuild/protobuf';
import { VhRateLimitsOptions } from '../api/enums.js';
import type { LocalRateLimit } from '../api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js';
import { isGrpc } from '../http/grpc.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { type HostRules, routeDescriptors } from '../rate-limit/route-descriptors.ts';
import { type Bucket, bucketOf } from '../rate-limit/token-bucket.ts';
import { HeaderMutations } from '../routing/header-mutations.ts';
import type { Descriptor } from '../routing/rate-limit-rules.ts';
import { RuntimeFraction } from '../runtime/fractional-percent.ts';
import type { Counter } from '../stats/stats.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import { flag } from '../stream-info.ts';
import {
  type FilterStream,
  type HttpFilterType,
  type RouteFilterContext,
  StreamFilter,
  type Verdict,
} from './filter.ts';

export const localRateLimit: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
  compile(configuration, context) {
    const limits = new Limits(configuration as Message & LocalRateLimit, context);
    return stream => new LocalRateLimitFilter(stream, limits);
  },
  compileRoute: (configuration, context) => new Limits(configuration as Message & LocalRateLimit, context),
};

interface DescriptorLimit {
  descriptor: Descriptor;
  bucket: Bucket;
}

/** The limits of one configuration, which all requests under it share. */
class Limits {
  readonly status: number;
  readonly enabled: RuntimeFraction | undefined;
  readonly enforced: RuntimeFraction | undefined;
  readonly requestMutations: HeaderMutations;
  readonly responseMutations: HeaderMutations;
  readonly asResourceExhausted: boolean;
  readonly counted: Record<'enabled' | 'enforced' | 'ok' | 'rate_limited', Counter>;
  readonly nodeCluster: string;
  readonly stage: number;
  readonly hostRules: HostRules;
  readonly #all: Bucket | undefined;
  readonly #descriptors: readonly DescriptorLimit[];
  readonly #alwaysAll: boolean;

  constructor(configuration: LocalRateLimit, { rootScope, runtime, nodeCluster, shared }: RouteFilterContext) {
    const status = configuration.status?.code ?? 0;
    // As in Envoy: what is no error would look like an answer.
    this.status = status < 400 ? 429 : status;
    this.enabled = RuntimeFraction.of(configuration.filterEnabled, runtime);
    this.enforced = RuntimeFraction.of(configuration.filterEnforced, runtime);
    this.requestMutations = new HeaderMutations({ add: configuration.requestHeadersToAddWhenNotEnforced, remove: [] });
    this.responseMutations = new HeaderMutations({ add: configuration.responseHeadersToAdd, remove: [] });
    this.asResourceExhausted = configuration.rateLimitedAsResourceExhausted;
    const scope = rootScope.scope(`${sanitizeStatsName(configuration.statPrefix)}.http_local_rate_limit.`);
    this.counted = {
      enabled: scope.counter('enabled'),
      enforced: scope.counter('enforced'),
      ok: scope.counter('ok'),
      rate_limited: scope.counter('rate_limited'),
    };
    this.nodeCluster = nodeCluster;
    this.stage = configuration.stage;
    this.hostRules = hostRules[configuration.vhRateLimits];
    this.#all = configuration.tokenBucket && bucketOf(configuration.tokenBucket, shared);
    this.#alwaysAll = configuration.alwaysConsumeDefaultTokenBucket ?? true;
    this.#descriptors = configuration.descriptors.map(({ entries, tokenBucket }) => ({
      descriptor: entries,
      bucket: bucketOf(tokenBucket!, shared),
    }));
  }

  /** Takes a token of each bucket that the request falls under, those that fill slowest first. */
  admits(descriptors: readonly Descriptor[]): boolean {
    const matching = this.#descriptors
      .filter(one => descriptors.some(descriptor => equal(one.descriptor, descriptor)))
      .sort((a, b) => a.bucket.tokensPerMs - b.bucket.tokensPerMs);
    for (const { bucket } of matching) if (!bucket.take()) return false;
    if (this.#all === undefined || (matching.length > 0 && !this.#alwaysAll)) return true;
    return this.#all.take();
  }

  get hasDescriptors(): boolean {
    return this.#descriptors.length > 0;
  }
}

const hostRules = {
  [VhRateLimitsOptions.OVERRIDE]: 'override',
  [VhRateLimitsOptions.INCLUDE]: 'include',
  [VhRateLimitsOptions.IGNORE]: 'ignore',
} as const;

function equal(a: Descriptor, b: Descriptor): boolean {
  return a.length === b.length && a.every((entry, i) => entry.key === b[i]!.key && entry.value === b[i]!.value);
}

/** gRPC's code for a limit that is reached, where it is asked for. */
const resourceExhausted = '8';

class LocalRateLimitFilter extends StreamFilter {
  readonly #limits: Limits;

  constructor(stream: FilterStream, limits: Limits) {
    super(stream);
    this.#limits = (stream.routeConfig as Limits | undefined) ?? limits;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const limits = this.#limits;
    const { counted } = limits;
    const { info } = this.stream;
    if (limits.enabled?.includes(randomNumber()) !== true) return 'continue';
    counted.enabled.increment();
    if (limits.admits(limits.hasDescriptors ? this.#descriptors() : [])) {
      counted.ok.increment();
      return 'continue';
    }
    counted.rate_limited.increment();
    if (limits.enforced?.includes(randomNumber()) !== true) {
      limits.requestMutations.apply(head, info);
      return 'continue';
    }
    counted.enforced.increment();
    info.flags |= flag.RATE_LIMITED;
    this.stream.localReply(limits.status, 'local_rate_limited', 'local_rate_limited', response => {
      limits.responseMutations.apply(response, info);
      if (limits.asResourceExhausted && isGrpc(head)) response.set('grpc-status', resourceExhausted);
    });
    return 'stop';
  }

  #descriptors(): Descriptor[] {
    const { stage, hostRules, nodeCluster } = this.#limits;
    return routeDescriptors(this.stream, stage, hostRules, nodeCluster);
  }
}

const randomNumber = (): number => Math.floor(Math.random() * 0x4000_0000);
