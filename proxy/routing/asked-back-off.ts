/** How long to wait before a retry where responses say it themselves. */
import { RetryPolicy_ResetHeaderFormat as Format } from '../api/enums.js';
import type {
  RetryPolicy_RateLimitedRetryBackOff as Configuration,
  RetryPolicy_ResetHeader as ResetHeader,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import { milliseconds } from '../duration.ts';
import type { ResponseHeaders } from '../http/headers.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-retrypolicy-ratelimitedretrybackoff */
export class AskedBackOff {
  readonly #headers: readonly ResetHeader[];
  readonly #maximumMs: number;

  constructor({ resetHeaders, maxInterval }: Configuration) {
    this.#headers = resetHeaders;
    this.#maximumMs = milliseconds(maxInterval, 300_000);
  }

  /** Up to half as long again as the first header asks for that is there, and asks for no more than the most; undefined: none does. */
  backOffMs(head: ResponseHeaders): number | undefined {
    for (const header of this.#headers) {
      const askedMs = askedBy(header, head);
      if (askedMs === undefined || askedMs > this.#maximumMs) continue;
      return askedMs > 1 ? Math.floor(askedMs * (1 + Math.random() / 2)) : undefined;
    }
    return undefined;
  }
}

function askedBy({ name, format }: ResetHeader, head: ResponseHeaders): number | undefined {
  const text = head.get(name.toLowerCase());
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined;
  if (format === Format.SECONDS) return Number(text) * 1000;
  const untilMs = Number(text) * 1000 - Date.now();
  return untilMs > 0 ? untilMs : undefined;
}
