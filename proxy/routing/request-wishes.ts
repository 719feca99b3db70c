/**
 * What a request from inside asks of the router by its headers: how long it may take, and when it is tried again.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#http-headers-consumed
 */
import type { RequestHeaders } from '../http/headers.ts';
import type { Patience } from './patience.ts';
import { RetryPolicy } from './retry-policy.ts';

/** They mean something to this proxy alone, and are not passed on. */
const consumed = new Set([
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-max-retries',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-hedge-on-per-try-timeout',
]);

/** Takes the wishes out of a head. Undefined where it has none. */
export function takeWishes(head: RequestHeaders, route: Patience): Patience | undefined {
  if (!head.entries.some((name, index) => index % 2 === 0 && consumed.has(name))) return undefined;
  const number = (name: string): number | undefined => {
    const text = head.get(name) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  };
  const words = (name: string): string[] =>
    (head.getAll(name) ?? '')
      .split(',')
      .map(word => word.trim())
      .filter(word => word !== '');
  const timeoutMs = number('x-envoy-upstream-rq-timeout-ms') ?? route.timeoutMs;
  const on = [...words('x-envoy-retry-on'), ...words('x-envoy-retry-grpc-on')].join(',');
  const perTryTimeoutMs = number('x-envoy-upstream-rq-per-try-timeout-ms');
  const retryPolicy = RetryPolicy.withWishes(route.retryPolicy, {
    on,
    retries: number('x-envoy-max-retries'),
    perTryTimeoutMs,
    statusCodes: words('x-envoy-retriable-status-codes').map(Number),
    headerNames: words('x-envoy-retriable-header-names').map(name => name.toLowerCase()),
  });
  const hedges = hedgesBy(head.get('x-envoy-hedge-on-per-try-timeout')) ?? route.hedges;
  head.removeIf(name => consumed.has(name));
  return { timeoutMs, retryPolicy, priority: route.priority, tellsGrpc: route.tellsGrpc, hedges };
}

/** As in Envoy other words say nothing. */
function hedgesBy(text: string | undefined): boolean | undefined {
  if (text === 'true') return true;
  return text === 'false' ? false : undefined;
}
