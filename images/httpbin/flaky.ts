/** Requests that fail some times before they succeed: what shows that a proxy tried again. */
import { type Exchange, json, numberOf, statusOf } from './exchange.ts';

/** Keys that are remembered at most; the oldest is forgotten first. */
const remembered = 1000;

/** Counts the failures that each key has had. */
export class Flaky {
  #failures = new Map<string, number>();

  /**
   * Fails a key's first `times` requests, then lets one succeed, and begins anew. The key is the header `x-flaky-key` or the query's `key`, else
   * the request's id: then the tries that a proxy makes for one request belong together.
   */
  answer(exchange: Exchange): void {
    const times = numberOf('times', exchange.path.times ?? null);
    const status = statusOf(exchange.url.searchParams.get('status') ?? '503');
    const { headers } = exchange.request;
    const key = [
      headers['x-flaky-key'] ?? exchange.url.searchParams.get('key') ?? headers['x-request-id'] ?? '',
      exchange.url.pathname,
    ].join(' ');
    const failed = this.#failures.get(key) ?? 0;
    this.#failures.delete(key);
    if (failed >= times) {
      json(exchange, { failures: failed, times });
      return;
    }
    this.#remember(key, failed + 1);
    json(exchange, { failures: failed + 1, times }, status);
  }

  #remember(key: string, failures: number): void {
    const [oldest] = this.#failures.keys();
    if (this.#failures.size >= remembered && oldest !== undefined) this.#failures.delete(oldest);
    this.#failures.set(key, failures);
  }
}
