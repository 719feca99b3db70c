/** Copies of a request for other clusters. Nobody waits for their answers, and what goes wrong with them nobody sees. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { localAddress } from '../net/local-address.ts';
import type { ClusterAction } from '../routing/cluster-action.ts';
import { StreamInfo } from '../stream-info.ts';
import { routeTimeout } from '../upstream/time-limit.ts';
import { compose, type Exchange } from '../upstream/upstream.ts';

/** Collects a request and sends its copies once it is whole, as Envoy does. */
export class Mirror {
  readonly #copies: Copy[];
  readonly #limit: number;
  #body: Buffer[] = [];
  #bytes = 0;
  #over = false;

  private constructor(copies: Copy[], limit: number) {
    this.#copies = copies;
    this.#limit = limit;
  }

  /**
   * The copies that a route asks for; undefined where it asks for none.
   * @param random the number of the request by which shares are decided
   */
  static of(action: ClusterAction, head: RequestHeaders, random: number, limit: number): Mirror | undefined {
    const copies: Copy[] = [];
    for (const policy of action.mirrorPolicies) {
      const cluster = policy.choose(head, random);
      if (cluster === undefined) continue;
      const copy = head.clone();
      if (!policy.keepsHost) copy.authority = shadowed(copy.authority);
      // As of every request that a proxy makes by itself.
      copy.set('x-envoy-internal', 'true');
      const via = copy.getAll('x-forwarded-for');
      copy.set('x-forwarded-for', via === undefined ? localAddress() : `${via},${localAddress()}`);
      copies.push(new Copy(copy, cluster, action.timeoutMs));
    }
    return copies.length === 0 ? undefined : new Mirror(copies, limit);
  }

  /** @returns false where the body is too large to be kept: then there are no copies. */
  data(chunk: Buffer, end: boolean): boolean {
    if (this.#over) return true;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limit) {
      this.#over = true;
      this.#body = [];
      return false;
    }
    // A chunk is valid during the call only.
    if (chunk.length > 0) this.#body.push(Buffer.from(chunk));
    if (end) this.send();
    return true;
  }

  send(trailers?: HeaderMap): void {
    if (this.#over) return;
    this.#over = true;
    for (const copy of this.#copies) copy.send(this.#body, trailers);
  }
}

/** `host-shadow`, before the port. */
function shadowed(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? '';
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}

class Copy implements Exchange, ResponseReceiver {
  readonly info = new StreamInfo();
  readonly head: RequestHeaders;
  host: Host | undefined = undefined;
  readonly triedHosts: Host[] = [];
  readonly hostSelectionAttempts = 0;
  requestDone = true;
  readonly bufferLimit = 0;
  readonly #cluster: Cluster;
  readonly #timeoutMs: number;
  #startedAt = 0;

  constructor(head: RequestHeaders, cluster: Cluster, timeoutMs: number) {
    this.head = head;
    this.#cluster = cluster;
    this.#timeoutMs = timeoutMs;
  }

  send(body: readonly Buffer[], trailers: HeaderMap | undefined): void {
    this.#startedAt = performance.now();
    const layers = this.#timeoutMs > 0 ? [routeTimeout(this.#timeoutMs)] : [];
    const upstream = compose(layers, this.#cluster.upstream('default'));
    const headEnds = body.length === 0 && trailers === undefined;
    const sender: RequestSender = upstream.open(this, headEnds, this);
    for (const [i, chunk] of body.entries()) sender.sendData(chunk, trailers === undefined && i === body.length - 1);
    if (trailers !== undefined) sender.sendTrailers(trailers);
  }

  elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  beforeRetry(): void {}

  onSent(): void {}

  onInterim(): void {}

  onHead(head: ResponseHeaders, end: boolean): void {
    this.#count(head.status);
    if (end) this.#complete();
  }

  onData(_chunk: Buffer, end: boolean): void {
    if (end) this.#complete();
  }

  onTrailers(): void {
    this.#complete();
  }

  onReset(reason: string): void {
    const { stats } = this.#cluster;
    if (reason === 'timeout') {
      stats.rqTimeout.increment();
      if (this.host !== undefined) this.host.counters.rq_timeout++;
    }
    this.#count(reason === 'timeout' ? 504 : 503);
  }

  onUpstreamCongested(): void {}

  #complete(): void {
    const took = Math.round(this.elapsedMs());
    this.#cluster.stats.rqTime.record(took);
    this.#cluster.stats.internalRqTime.record(took);
  }

  #count(status: number): void {
    const { stats } = this.#cluster;
    stats.responses.count(status);
    stats.internalResponses.count(status);
    if (this.host === undefined) return;
    if (status >= 500) this.host.counters.rq_error++;
    else this.host.counters.rq_success++;
  }
}
