/**
 * Lets a service decide how many requests may pass (Envoy's ratelimit), asked by gRPC.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter
 */
import type { Message } from '@bufbuild/protobuf';
import {
  RateLimit_XRateLimitHeadersRFCVersion as HeadersVersion,
  RateLimitPerRoute_VhRateLimitsOptions as HostOptions,
} from '../api/enums.js';
import type { RateLimit, RateLimitPerRoute } from '../api/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.js';
import { milliseconds } from '../duration.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { type GrpcEnd, grpcStatus } from '../grpc/status.ts';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import {
  type Asked,
  type DescriptorStatus,
  decodeAnswer,
  encodeQuestion,
  type Pair,
  type RateLimitAnswer,
  rateLimitMethod,
} from '../rate-limit/rate-limit-messages.ts';
import { type HostRules, limitedRequest, routeRules } from '../rate-limit/route-descriptors.ts';
import { HeaderMutations } from '../routing/header-mutations.ts';
import type { RateLimitRule } from '../routing/rate-limit-rules.ts';
import { RuntimeNumber } from '../runtime/runtime-values.ts';
import { flag } from '../stream-info.ts';
import { type FilterContext, type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

export const rateLimit: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.ratelimit.v3.RateLimit',
  routeTypeName: 'envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute',
  compile(configuration, context) {
    const limits = new ServiceLimits(configuration as Message & RateLimit, context);
    return stream => new RateLimitFilter(stream, limits);
  },
  compileRoute: (configuration): RouteSays => {
    const { domain, vhRateLimits } = configuration as Message & RateLimitPerRoute;
    return { domain, hostRules: hostRules[vhRateLimits] };
  },
};

interface RouteSays {
  /** '': the filter's. */
  domain: string;
  hostRules: HostRules;
}

const hostRules = {
  [HostOptions.OVERRIDE]: 'override',
  [HostOptions.INCLUDE]: 'include',
  [HostOptions.IGNORE]: 'ignore',
} as const;

const usualTimeoutMs = 20;

type Outcome = 'ok' | 'over_limit' | 'error' | 'failure_mode_allowed';

/** One configuration, compiled. */
class ServiceLimits {
  readonly domain: string;
  readonly stage: number;
  /** Which requests are asked about, by whether they come from inside. */
  readonly asksInternal: boolean;
  readonly asksExternal: boolean;
  readonly client: GrpcClient;
  readonly timeoutMs: number;
  readonly denies: boolean;
  readonly status: number;
  readonly statusOnError: number;
  readonly asResourceExhausted: boolean;
  readonly tellsLimits: boolean;
  readonly tellsLimited: boolean;
  readonly responseMutations: HeaderMutations;
  readonly enabled: RuntimeNumber;
  readonly enforced: RuntimeNumber;
  readonly nodeCluster: string;
  readonly #prefix: string;
  readonly #context: FilterContext;

  constructor(said: RateLimit, context: FilterContext) {
    this.domain = said.domain;
    this.stage = said.stage;
    this.asksInternal = said.requestType !== 'external';
    this.asksExternal = said.requestType !== 'internal';
    this.client = new GrpcClient(said.rateLimitService!.grpcService!, name => context.cluster(name));
    this.timeoutMs = milliseconds(said.timeout, usualTimeoutMs);
    this.denies = said.failureModeDeny;
    const status = said.rateLimitedStatus?.code ?? 0;
    // As in Envoy: what is no error would look like an answer.
    this.status = status < 400 ? 429 : status;
    this.statusOnError = said.statusOnError?.code || 500;
    this.asResourceExhausted = said.rateLimitedAsResourceExhausted;
    this.tellsLimits = said.enableXRatelimitHeaders === HeadersVersion.DRAFT_VERSION_03;
    this.tellsLimited = !said.disableXEnvoyRatelimitedHeader;
    this.responseMutations = new HeaderMutations({ add: said.responseHeadersToAdd, remove: [] });
    this.enabled = new RuntimeNumber(100, 'ratelimit.http_filter_enabled', context.runtime);
    this.enforced = new RuntimeNumber(100, 'ratelimit.http_filter_enforcing', context.runtime);
    this.nodeCluster = context.nodeCluster;
    this.#context = context;
    this.#prefix = `ratelimit.${said.statPrefix === '' ? '' : `${said.statPrefix}.`}`;
  }

  /** What the service is asked about a request. */
  asked(stream: FilterStream, hostRules: HostRules): Asked[] {
    const request = limitedRequest(stream, this.nodeCluster);
    return routeRules(stream, this.stage, hostRules).flatMap(rule => {
      const entries = this.#isOn(rule) ? rule.descriptor(request) : undefined;
      return entries === undefined ? [] : [{ entries, limit: rule.override(stream.info) }];
    });
  }

  /** Runtime may leave a rule out, for a share of the requests. */
  #isOn({ enabledKey }: RateLimitRule): boolean {
    if (enabledKey === '') return true;
    const percent = this.#context.runtime?.getNumber(enabledKey, 100) ?? 100;
    return Math.random() * 100 < percent;
  }

  /** Counts for the cluster that the request would go to. */
  count(outcome: Outcome, { route }: FilterStream): void {
    const name = route?.cluster?.clusterName;
    const cluster = name === undefined ? undefined : this.#context.cluster(name);
    cluster?.scope.counter(this.#prefix + outcome).increment();
  }

  /** As if the cluster had answered so, to which the request would have gone. */
  charge(status: number, { route }: FilterStream): void {
    const name = route?.cluster?.clusterName;
    const stats = name === undefined ? undefined : this.#context.cluster(name)?.stats;
    stats?.responses.count(status);
    stats?.internalResponses.count(status);
  }
}

class RateLimitFilter extends StreamFilter {
  readonly #limits: ServiceLimits;
  #answer: RateLimitAnswer | undefined;
  #giveUp: () => void = () => {};

  constructor(stream: FilterStream, limits: ServiceLimits) {
    super(stream);
    this.#limits = limits;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const limits = this.#limits;
    const internal = head.get('x-envoy-internal') === 'true';
    if (!(internal ? limits.asksInternal : limits.asksExternal) || !isDrawn(limits.enabled)) return 'continue';
    const says = this.stream.routeConfig as RouteSays | undefined;
    const descriptors = limits.asked(this.stream, says?.hostRules ?? 'override');
    if (descriptors.length === 0) return 'continue';
    let verdict: Verdict = 'stop';
    let waits = false;
    const question = encodeQuestion(says?.domain || limits.domain, descriptors);
    const onDone = (end: GrpcEnd, bytes: Buffer | undefined): void => {
      this.#giveUp = () => {};
      verdict = this.#take(head, answerOf(end, bytes));
      if (waits && verdict === 'continue') this.stream.continueRequest();
    };
    this.#giveUp = limits.client.call(rateLimitMethod, question, limits.timeoutMs, onDone, this.stream.info);
    waits = true;
    return verdict;
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    if (this.#answer !== undefined) this.#tell(head, this.#answer);
    return 'continue';
  }

  override onStreamEnd(): void {
    this.#giveUp();
  }

  /** @param answer undefined where the service gave none */
  #take(head: RequestHeaders, answer: RateLimitAnswer | undefined): Verdict {
    const limits = this.#limits;
    if (answer === undefined) return this.#onError();
    limits.count(answer.limited ? 'over_limit' : 'ok', this.stream);
    if (answer.limited) limits.charge(limits.status, this.stream);
    if (answer.limited && isDrawn(limits.enforced)) {
      this.#refuse(head, answer);
      return 'stop';
    }
    this.#answer = answer;
    for (const [name, value] of answer.toHost) head.add(name, value);
    return 'continue';
  }

  #onError(): Verdict {
    const limits = this.#limits;
    limits.count('error', this.stream);
    if (!limits.denies) {
      limits.count('failure_mode_allowed', this.stream);
      return 'continue';
    }
    this.stream.info.flags |= flag.RATE_LIMIT_SERVICE_ERROR;
    this.stream.localReply(limits.statusOnError, '', 'rate_limiter_error');
    return 'stop';
  }

  #refuse(head: RequestHeaders, answer: RateLimitAnswer): void {
    const limits = this.#limits;
    const { info } = this.stream;
    info.flags |= flag.RATE_LIMITED;
    this.stream.localReply(limits.status, answer.body.toString('latin1'), 'request_rate_limited', response => {
      for (const [name, value] of answer.toClient) response.add(name, value);
      if (limits.tellsLimited) response.add('x-envoy-ratelimited', 'true');
      this.#tellLimits(response, answer);
      limits.responseMutations.apply(response, info);
      if (limits.asResourceExhausted && isGrpc(head))
        response.set('grpc-status', String(grpcStatus.RESOURCE_EXHAUSTED));
    });
  }

  #tell(head: HeaderMap, answer: RateLimitAnswer): void {
    for (const [name, value] of answer.toClient) head.add(name, value);
    this.#tellLimits(head, answer);
  }

  #tellLimits(head: HeaderMap, { statuses }: RateLimitAnswer): void {
    if (this.#limits.tellsLimits) for (const [name, value] of limitHeaders(statuses)) head.add(name, value);
  }
}

const isDrawn = (percent: RuntimeNumber): boolean => Math.random() * 100 < percent.value;

function answerOf(end: GrpcEnd, bytes: Buffer | undefined): RateLimitAnswer | undefined {
  if (end.status !== grpcStatus.OK || bytes === undefined) return undefined;
  try {
    return decodeAnswer(bytes);
  } catch {
    // What is no message is no answer: the configuration says what becomes of the request.
    return undefined;
  }
}

/**
 * Which limit is the nearest, and all that there are.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-polli-ratelimit-headers-03
 */
function limitHeaders(statuses: readonly DescriptorStatus[]): Pair[] {
  const limited = statuses.filter(({ limit }) => limit !== undefined);
  if (limited.length === 0) return [];
  const nearest = limited.reduce((least, status) => (status.remaining < least.remaining ? status : least));
  const policies = limited.flatMap(({ limit }) => {
    const { requestsPerUnit, seconds, name } = limit!;
    if (seconds === 0) return [];
    return [`${requestsPerUnit};w=${seconds}${name === '' ? '' : `;name="${name}"`}`];
  });
  return [
    ['x-ratelimit-limit', [String(nearest.limit!.requestsPerUnit), ...policies].join(', ')],
    ['x-ratelimit-remaining', String(nearest.remaining)],
    ['x-ratelimit-reset', String(nearest.untilReset)],
  ];
}
