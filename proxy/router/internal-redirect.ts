/** A request whose host may redirect it, which the proxy follows itself: the stream begins anew with what the redirect makes of the request. */
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { parseTarget } from '../http/target.ts';
import type { InternalRedirectPolicy, RedirectHistory } from '../routing/internal-redirect-policy.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { RedirectFailure, RouterStats } from './router-stats.ts';

/** What a redirect asks of the stream that it is for. */
export interface RedirectedStream {
  readonly stats: RouterStats;
  readonly bufferLimit: number;
  /** Of the client's request, through all times that it began anew. */
  readonly redirects: RedirectHistory;
  readonly encrypted: boolean;
  readonly route: RouteEntry | undefined;
  /** The route is looked for again. */
  clearRoute(): void;
  /** Ends, and begins anew with the request's head as it is now and this body. `response` is what the client does not get. */
  recreate(response: ResponseHeaders, body: Buffer): void;
}

export class InternalRedirect {
  readonly #stream: RedirectedStream;
  readonly #policy: InternalRedirectPolicy;
  readonly #head: RequestHeaders;
  #body: Buffer[] = [];
  #bytes = 0;
  #overflowed = false;

  /** @param head the request's, as it is sent to its host; it is changed where a redirect is followed */
  constructor(stream: RedirectedStream, policy: InternalRedirectPolicy, head: RequestHeaders) {
    this.#stream = stream;
    this.#policy = policy;
    this.#head = head;
  }

  /** Keeps what is sent to the host. @returns false where that is too much: then no redirect is followed */
  keep(chunk: Buffer): boolean {
    if (this.#bytes + chunk.length > this.#stream.bufferLimit) {
      this.#overflowed = true;
      this.#body = [];
      return false;
    }
    this.#bytes += chunk.length;
    // A chunk is valid during the call only.
    if (!this.#overflowed && chunk.length > 0) this.#body.push(Buffer.from(chunk));
    return true;
  }

  concerns(status: number): boolean {
    return this.#policy.concerns(status);
  }

  /**
   * Makes of the request what the redirect wants.
   * @param whole whether all of the request came; Envoy redirects no other
   * @returns whether the stream may begin anew by `recreate`; else the head is as it was
   */
  prepare(response: ResponseHeaders, whole: boolean): boolean {
    const location = response.get('location');
    if (!whole || this.#overflowed || location === undefined || this.#head.method === 'CONNECT') return false;
    const before = this.#head.clone();
    const failure = this.#follow(location, response);
    if (failure !== undefined) {
      this.#stream.stats.passedRedirects[failure].increment();
      this.#head.assign(before);
      return false;
    }
    this.#stream.redirects.count++;
    const scheme = this.#fromHttps(before) ? 'https' : 'http';
    this.#head.set('x-envoy-original-url', `${scheme}://${before.authority}${before.path}`);
    return true;
  }

  recreate(response: ResponseHeaders): void {
    this.#stream.recreate(response, Buffer.concat(this.#body));
  }

  #follow(location: string, response: ResponseHeaders): RedirectFailure | undefined {
    const policy = this.#policy;
    const stream = this.#stream;
    const head = this.#head;
    const target = parseTarget(location);
    if (target === undefined) return 'bad_location';
    const fromHttps = this.#fromHttps(head);
    const https = target.scheme !== 'http';
    if (!policy.crossesSchemes && fromHttps !== https) return 'unsafe_scheme';
    if (stream.redirects.count >= policy.most) return 'too_many_redirects';
    copyHeaders(policy.headersToCopy, response, head);
    head.scheme = target.scheme;
    head.authority = target.authority;
    head.path = target.path;
    stream.clearRoute();
    const { route } = stream;
    if (route === undefined) return 'no_route';
    if (!policy.accepts({ route: route.name, https, fromHttps }, stream.redirects)) return 'predicate';
    if (response.status === 303 && head.method !== 'GET' && head.method !== 'HEAD') this.#becomeGet();
    return undefined;
  }

  /** @see https://www.rfc-editor.org/rfc/rfc9110#section-15.4.4 */
  #becomeGet(): void {
    this.#head.method = 'GET';
    this.#head.remove('content-length');
    this.#body = [];
  }

  /** As in Envoy what came without TLS came by http, whatever headers say. */
  #fromHttps(head: RequestHeaders): boolean {
    return this.#stream.encrypted && head.scheme !== 'http';
  }
}

function copyHeaders(names: readonly string[], from: ResponseHeaders, to: RequestHeaders): void {
  for (const name of names) {
    to.remove(name);
    for (let i = 0; i < from.entries.length; i += 2) if (from.entries[i] === name) to.add(name, from.entries[i + 1]!);
  }
}
