/** Which requests are traced, and why: decided by the request's id, so that all proxies on its way decide alike. */
import type { Any } from '@bufbuild/protobuf/wkt';
import { FractionalPercent_DenominatorType as Denominator } from '../api/enums.js';
import type { UuidRequestIdConfig } from '../api/envoy/extensions/request_id/uuid/v3/uuid_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { type PercentFraction, RuntimeFraction } from '../runtime/fractional-percent.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';

export type Reason = 'sampling' | 'service-forced' | 'client-forced' | 'not-traceable';

/** The digit of a request id that tells others what was decided. */
const reasonAt = 14;
const reasonDigits = { sampling: '9', 'service-forced': 'a', 'client-forced': 'b', 'not-traceable': '4' } as const;
const reasons: Partial<Record<string, Reason>> = { '9': 'sampling', a: 'service-forced', b: 'client-forced' };
const idLength = 36;

/** Shares of requests, out of all: those that clients ask for, those taken by chance, and how many of both remain. */
export interface Shares {
  client: RuntimeFraction;
  random: RuntimeFraction;
  overall: RuntimeFraction;
}

const everything: PercentFraction = { numerator: 100, denominator: Denominator.HUNDRED };

/** @returns shares, each of which is everything where it is not given, and can be changed by the runtime */
export function compileShares(
  given: {
    client: PercentFraction | undefined;
    random: PercentFraction | undefined;
    overall: PercentFraction | undefined;
  },
  runtime: RuntimeValues | undefined,
): Shares {
  return {
    client: new RuntimeFraction(given.client ?? everything, 'tracing.client_enabled', runtime),
    random: new RuntimeFraction(given.random ?? everything, 'tracing.random_sampling', runtime),
    overall: new RuntimeFraction(given.overall ?? everything, 'tracing.global_enabled', runtime),
  };
}

/** Of a share in percent, exact to a hundredth. */
export function fractionOfPercent(percent: number | undefined): PercentFraction | undefined {
  return percent === undefined
    ? undefined
    : { numerator: Math.round(percent * 100), denominator: Denominator.TEN_THOUSAND };
}

/**
 * How request ids take part.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/request_id/uuid/v3/uuid.proto
 */
export interface RequestIdRules {
  /** Reasons are read from ids and written into them. */
  packsReason: boolean;
  /** Shares are taken by ids, so that all proxies on a request's way take it or none does. Else, as in Envoy, all requests are sampled, whatever the shares. */
  samplesById: boolean;
}

const uuidType = 'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig';

export function requestIdRules(extension: Any | undefined): RequestIdRules {
  const said = typedConfig<UuidRequestIdConfig>(extension, uuidType);
  return {
    packsReason: said?.packTraceReason ?? true,
    samplesById: said?.useRequestIdForTraceSampling ?? true,
  };
}

/** Decides, and writes the reason into the request's id. */
export function decide(head: RequestHeaders, shares: Shares, { packsReason, samplesById }: RequestIdRules): Reason {
  if (!samplesById) return 'sampling';
  const id = head.get('x-request-id') ?? '';
  if (!/^[0-9a-f]{8}/i.test(id)) return 'not-traceable';
  const random = Number.parseInt(id.slice(0, 8), 16) % 10_000;
  const packs = packsReason && id.length === idLength;
  const before = (packs && reasons[id[reasonAt]!]) || 'not-traceable';
  const wanted = before === 'not-traceable' ? newReason(head, shares, random) : before;
  const reason = wanted === 'not-traceable' || shares.overall.includes(random) ? wanted : 'not-traceable';
  if ((wanted !== before || reason !== wanted) && packs)
    head.set('x-request-id', id.slice(0, reasonAt) + reasonDigits[reason] + id.slice(reasonAt + 1));
  return reason;
}

function newReason(head: RequestHeaders, { client, random }: Shares, byId: number): Reason {
  if (head.has('x-client-trace-id') && client.includes(Math.floor(Math.random() * 1_000_000))) return 'client-forced';
  if (head.has('x-envoy-force-trace')) return 'service-forced';
  return random.includes(byId) ? 'sampling' : 'not-traceable';
}
