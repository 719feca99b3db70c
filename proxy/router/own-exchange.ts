/** What all requests have in common that the proxy makes by itself. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { localAddress } from '../net/local-address.ts';
import { StreamInfo } from '../stream-info.ts';
import { routeTimeout } from '../upstream/time-limit.ts';
import { compose, type Exchange } from '../upstream/upstream.ts';

export class OwnExchange implements Exchange {
  readonly info = new StreamInfo();
  readonly head: RequestHeaders;
  host: Host | undefined = undefined;
  readonly triedHosts: Host[] = [];
  readonly hostSelectionAttempts = 0;
  readonly metadataMatch = undefined;
  readonly asTcp = false;
  requestDone = true;
  readonly bufferLimit = 0;
  readonly #cluster: Cluster;
  #startedAt = 0;
  #requestDoneAt = 0;

  /** @param tellsAddress whether this machine's address is added to `x-forwarded-for` */
  constructor(head: RequestHeaders, cluster: Cluster, tellsAddress: boolean) {
    this.head = head;
    this.#cluster = cluster;
    // As of every request that a proxy makes by itself.
    head.set('x-envoy-internal', 'true');
    if (!tellsAddress) return;
    const via = head.getAll('x-forwarded-for');
    head.set('x-forwarded-for', via === undefined ? localAddress() : `${via},${localAddress()}`);
  }

  /** Sends the head. @param timeoutMs for the whole exchange; 0: none */
  open(timeoutMs: number, end: boolean, receiver: ResponseReceiver): RequestSender {
    this.#startedAt = performance.now();
    this.requestDone = end;
    this.#requestDoneAt = this.#startedAt;
    const layers = timeoutMs > 0 ? [routeTimeout(timeoutMs)] : [];
    return compose(layers, this.#cluster.upstream('default')).open(this, end, receiver);
  }

  noteRequestDone(): void {
    this.requestDone = true;
    this.#requestDoneAt = performance.now();
  }

  hash(): undefined {}

  elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  beforeRetry(): void {}

  /** Counts the status of a response. */
  countResponse(status: number): void {
    const { stats } = this.#cluster;
    stats.responses.count(status);
    stats.internalResponses.count(status);
    if (this.host === undefined) return;
    if (status >= 500) this.host.counters.rq_error++;
    else this.host.counters.rq_success++;
  }

  /** Counts what became of one that has no response. */
  countReset(reason: string): void {
    const { stats } = this.#cluster;
    if (reason === 'timeout') {
      stats.rqTimeout.increment();
      if (this.host !== undefined) this.host.counters.rq_timeout++;
      this.host?.outlier?.timedOut();
    }
    this.countResponse(reason === 'timeout' ? 504 : 503);
  }

  /** Counts how long the response took once the request was whole. */
  countTime(): void {
    const took = Math.round(performance.now() - this.#requestDoneAt);
    this.#cluster.stats.rqTime.record(took);
    this.#cluster.stats.internalRqTime.record(took);
  }
}
