/** Requests that the proxy makes by itself, beside those that it proxies: copies for other clusters, questions of filters. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { localAddress } from '../net/local-address.ts';
import { StreamInfo } from '../stream-info.ts';
import { routeTimeout } from '../upstream/time-limit.ts';
import { compose, type Exchange } from '../upstream/upstream.ts';

/** Bytes of a body that are kept of a response; one that is longer is none. */
const mostBody = 1024 * 1024;

/** A whole response. */
export interface OwnResponse {
  head: ResponseHeaders;
  body: Buffer;
}

export class OwnRequest implements Exchange, ResponseReceiver {
  readonly info = new StreamInfo();
  readonly head: RequestHeaders;
  host: Host | undefined = undefined;
  readonly triedHosts: Host[] = [];
  readonly hostSelectionAttempts = 0;
  readonly metadataMatch = undefined;
  requestDone = true;
  readonly bufferLimit = 0;
  readonly #cluster: Cluster;
  readonly #timeoutMs: number;
  readonly #onDone: ((response: OwnResponse | undefined) => void) | undefined;
  #startedAt = 0;
  #sender: RequestSender | undefined;
  #response: OwnResponse | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /**
   * @param onDone is told the response, or undefined where there is none; without it nobody waits for one
   * @param tellsAddress whether this machine's address is added to `x-forwarded-for`
   */
  constructor(
    head: RequestHeaders,
    cluster: Cluster,
    timeoutMs: number,
    onDone?: (response: OwnResponse | undefined) => void,
    tellsAddress = true,
  ) {
    this.head = head;
    // As of every request that a proxy makes by itself.
    head.set('x-envoy-internal', 'true');
    if (tellsAddress) {
      const via = head.getAll('x-forwarded-for');
      head.set('x-forwarded-for', via === undefined ? localAddress() : `${via},${localAddress()}`);
    }
    this.#cluster = cluster;
    this.#timeoutMs = timeoutMs;
    this.#onDone = onDone;
  }

  send(body: readonly Buffer[], trailers?: HeaderMap): void {
    this.#startedAt = performance.now();
    const layers = this.#timeoutMs > 0 ? [routeTimeout(this.#timeoutMs)] : [];
    const upstream = compose(layers, this.#cluster.upstream('default'));
    const headEnds = body.length === 0 && trailers === undefined;
    const sender = upstream.open(this, headEnds, this);
    this.#sender = sender;
    for (const [i, chunk] of body.entries()) sender.sendData(chunk, trailers === undefined && i === body.length - 1);
    if (trailers !== undefined) sender.sendTrailers(trailers);
  }

  /** Nobody waits for the response any more. */
  cancel(): void {
    this.#sender?.cancel();
  }

  hash(): undefined {}

  elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  beforeRetry(): void {}

  onSent(): void {}

  onInterim(): void {}

  onHead(head: ResponseHeaders, end: boolean): void {
    this.#count(head.status);
    this.#response = { head, body: Buffer.alloc(0) };
    if (end) this.#complete();
  }

  onData(chunk: Buffer, end: boolean): void {
    // A chunk is valid during the call only.
    if (this.#onDone !== undefined && chunk.length > 0) this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    if (this.#onDone !== undefined && this.#bytes > mostBody) this.#refuseBody();
    else if (end) this.#complete();
  }

  onTrailers(): void {
    this.#complete();
  }

  onReset(reason: string): void {
    const { stats } = this.#cluster;
    if (reason === 'timeout') {
      stats.rqTimeout.increment();
      if (this.host !== undefined) this.host.counters.rq_timeout++;
      this.host?.outlier?.timedOut();
    }
    this.#count(reason === 'timeout' ? 504 : 503);
    this.#onDone?.(undefined);
  }

  onUpstreamCongested(): void {}

  #refuseBody(): void {
    this.#chunks = [];
    this.#sender?.cancel();
    this.#onDone?.(undefined);
  }

  #complete(): void {
    const took = Math.round(this.elapsedMs());
    this.#cluster.stats.rqTime.record(took);
    this.#cluster.stats.internalRqTime.record(took);
    this.#onDone?.({ head: this.#response!.head, body: Buffer.concat(this.#chunks) });
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
