/** Requests that the proxy makes by itself, beside those that it proxies: copies for other clusters, questions of filters. */
import type { Cluster } from '../cluster/cluster.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { failsHandshake } from './handshake.ts';
import { OwnExchange } from './own-exchange.ts';

/** Bytes of a body that are kept of a response where nothing else is said. */
const usualMostBody = 1024 * 1024;

/** A whole response. */
export interface OwnResponse {
  head: ResponseHeaders;
  body: Buffer;
}

export interface OwnRequestOptions {
  /** Whether this machine's address is added to `x-forwarded-for`; undefined: it is. */
  tellsAddress?: boolean;
  /** A response with more bytes than so many is none; undefined: 1 MiB. */
  mostBody?: number;
  /** Is told whether the host reads more slowly than the request comes, and of each of that once; undefined: the request is whole from the start. */
  onCongested?: (congested: boolean) => void;
}

export class OwnRequest implements ResponseReceiver {
  readonly #exchange: OwnExchange;
  readonly #timeoutMs: number;
  readonly #mostBody: number;
  readonly #onCongested: ((congested: boolean) => void) | undefined;
  #congested = false;
  #over = false;
  readonly #onDone: ((response: OwnResponse | undefined) => void) | undefined;
  #sender: RequestSender | undefined;
  #response: OwnResponse | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /**
   * @param timeoutMs 0: none
   * @param onDone is told the response, or undefined where there is none; without it nobody waits for one
   */
  constructor(
    head: RequestHeaders,
    cluster: Cluster,
    timeoutMs: number,
    onDone?: (response: OwnResponse | undefined) => void,
    { tellsAddress = true, mostBody = usualMostBody, onCongested }: OwnRequestOptions = {},
  ) {
    this.#exchange = new OwnExchange(head, cluster, tellsAddress);
    this.#timeoutMs = timeoutMs;
    this.#mostBody = mostBody;
    this.#onDone = onDone;
    this.#onCongested = onCongested;
  }

  /** As it is sent. */
  get head(): RequestHeaders {
    return this.#exchange.head;
  }

  elapsedMs(): number {
    return this.#exchange.elapsedMs();
  }

  /** Sends all of it. */
  send(body: readonly Buffer[]): void {
    this.begin(body.length === 0);
    for (const [i, chunk] of body.entries()) this.sendData(chunk, i === body.length - 1);
  }

  /** Sends the head. @param end nothing follows it */
  begin(end: boolean): void {
    const sender = this.#exchange.open(this.#timeoutMs, end, this);
    if (!this.#over) this.#sender = sender;
  }

  /** Chunks are valid during the call only. */
  sendData(chunk: Buffer, end: boolean): void {
    if (end) this.#exchange.noteRequestDone();
    this.#sender?.sendData(chunk, end);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#exchange.noteRequestDone();
    this.#sender?.sendTrailers(trailers);
  }

  /** Nobody waits for the response any more. */
  cancel(): void {
    const sender = this.#sender;
    this.#end();
    sender?.cancel();
  }

  #end(): void {
    this.#over = true;
    this.#sender = undefined;
    this.onUpstreamCongested(false);
  }

  onSent(): void {}

  onInterim(): void {}

  onHead(head: ResponseHeaders, end: boolean): void {
    if (failsHandshake(this.head, head.status)) {
      this.cancel();
      return;
    }
    this.#exchange.countResponse(head.status);
    this.#response = { head, body: Buffer.alloc(0) };
    if (end) this.#complete();
  }

  onData(chunk: Buffer, end: boolean): void {
    // A chunk is valid during the call only.
    if (this.#onDone !== undefined && chunk.length > 0) this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    if (this.#onDone !== undefined && this.#bytes > this.#mostBody) this.#refuseBody();
    else if (end) this.#complete();
  }

  onTrailers(): void {
    this.#complete();
  }

  onReset(reason: string): void {
    this.#end();
    this.#exchange.countReset(reason);
    this.#onDone?.(undefined);
  }

  onUpstreamCongested(congested: boolean): void {
    if (congested === this.#congested) return;
    this.#congested = congested;
    this.#onCongested?.(congested);
  }

  #refuseBody(): void {
    this.#chunks = [];
    this.cancel();
    this.#onDone?.(undefined);
  }

  #complete(): void {
    const { requestDone } = this.#exchange;
    if (requestDone) this.#exchange.countTime();
    // The rest of a request whose response is whole goes nowhere.
    if (requestDone) this.#end();
    else this.cancel();
    this.#onDone?.({ head: this.#response!.head, body: Buffer.concat(this.#chunks) });
  }
}
