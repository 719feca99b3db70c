/** HTTP/1 with an upstream host: one request at a time on a connection that is kept for the next. */

import {
  CodecError,
  type HeadLimits,
  type RequestSender,
  type ResetReason,
  type ResponseReceiver,
} from '../http/codec.ts';
import { type HeaderMap, type RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { latin1 } from '../net/latin1.ts';
import type { Transport, TransportHandler } from '../net/transport.ts';
import { BodyDecoder, type BodySink, emptyChunk } from './body-decoder.ts';
import { encodeChunkSize, encodeLastChunk, encodeRequestHead } from './encode.ts';
import { HeadParser, incomplete } from './head-parser.ts';
import { hasToken } from './server-connection.ts';

/** Whoever holds the connection. */
export interface ClientConnectionOwner {
  /** The exchange is over; `reusable` tells whether another may follow. */
  onExchangeDone(reusable: boolean): void;
  onProtocolError(): void;
  /** Called before the receiver of an exchange that was cut short hears of it. */
  onConnectionClosed(byPeer: boolean): void;
}

type State = 'idle' | 'head' | 'body' | 'closed';

export class ClientConnection implements TransportHandler, RequestSender, BodySink {
  readonly transport: Transport;
  readonly #owner: ClientConnectionOwner;
  readonly #parser: HeadParser;
  readonly #body: BodyDecoder;
  #receiver: ResponseReceiver | undefined;
  #state: State = 'idle';
  #partial = '';
  #forHead = false;
  #chunkedRequest = false;
  #requestDone = false;
  #keepAlive = true;
  #pauses = 0;
  /** A response became whole within the read that is being handled: what follows it there belongs to no request. */
  #finished = false;

  constructor(transport: Transport, owner: ClientConnectionOwner, limits: HeadLimits) {
    this.transport = transport;
    this.#owner = owner;
    this.#parser = new HeadParser(limits);
    this.#body = new BodyDecoder(this, limits);
    transport.handler = this;
  }

  /** Sends a request's head and hears its response. Only when nothing is going on. */
  start(head: RequestHeaders, end: boolean, receiver: ResponseReceiver): void {
    this.#receiver = receiver;
    this.#state = 'head';
    this.#forHead = head.method === 'HEAD';
    this.#requestDone = end;
    this.#keepAlive = true;
    const encoded = encodeRequestHead(head, end);
    this.#chunkedRequest = encoded.chunked;
    this.transport.writeText(encoded.text);
    receiver.onSent();
  }

  sendData(chunk: Buffer, end: boolean): void {
    const { transport } = this;
    if (chunk.length > 0) {
      if (this.#chunkedRequest) {
        transport.writeText(encodeChunkSize(chunk.length));
        transport.write(chunk);
        transport.writeText('\r\n');
      } else transport.write(chunk);
    }
    if (end) {
      if (this.#chunkedRequest) transport.writeText(encodeLastChunk());
      this.#requestDone = true;
    } else if (transport.congested) this.#receiver?.onUpstreamCongested(true);
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#chunkedRequest) this.transport.writeText(encodeLastChunk(trailers));
    this.#requestDone = true;
  }

  /** Gives the exchange up: its connection cannot serve another. */
  cancel(): void {
    if (this.#receiver === undefined) return;
    this.#receiver = undefined;
    this.close();
  }

  onRead(chunk: Buffer): void {
    try {
      this.#take(chunk);
      if (this.#finished) this.#giveBack(this.#keepAlive && this.#requestDone);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      if (this.#finished) this.#giveBack(false);
      this.#owner.onProtocolError();
      this.#fail('protocol-error');
    }
  }

  /** The next request may follow, where the connection is good for one. */
  #giveBack(reusable: boolean): void {
    this.#finished = false;
    const usable = reusable && !this.transport.closed;
    this.#owner.onExchangeDone(usable);
    if (!usable) this.close();
  }

  #take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#state !== 'closed') {
      if (this.#state === 'idle') throw new CodecError(502, 'http1.unexpected_data');
      at = this.#state === 'head' ? this.#takeHead(chunk, at) : this.#body.feed(chunk, at);
    }
  }

  #takeHead(chunk: Buffer, at: number): number {
    const text = latin1(chunk, at, chunk.length);
    const before = this.#partial.length;
    if (before > 0 && !text.includes('\n') && before + text.length < 60 * 1024) {
      this.#partial += text;
      return chunk.length;
    }
    const whole = before === 0 ? text : this.#partial + text;
    const end = this.#parser.parseResponse(whole, 0);
    if (end === incomplete) {
      this.#partial = whole;
      return chunk.length;
    }
    this.#partial = '';
    this.#startResponse();
    return at + end - before;
  }

  #startResponse(): void {
    const parser = this.#parser;
    const head = new ResponseHeaders(parser.status);
    head.entries = parser.entries;
    if (parser.status < 200 || parser.status === 204) dropLength(head, parser);
    if (parser.status < 200 && parser.status !== 101) {
      this.#receiver?.onInterim(head);
      return;
    }
    if (parser.status === 101) throw new CodecError(502, 'http1.unexpected_upgrade');
    this.#keepAlive = keepsAlive(parser);
    const bodiless = this.#forHead || parser.status === 204 || parser.status === 304 || parser.contentLength === 0;
    if (bodiless) {
      this.#finish(receiver => receiver.onHead(head, true));
      return;
    }
    this.#state = 'body';
    if (parser.chunked) this.#body.startChunked();
    else if (parser.contentLength > 0) this.#body.startLength(parser.contentLength);
    else {
      this.#keepAlive = false;
      this.#body.startUntilClose();
    }
    this.#receiver?.onHead(head, false);
  }

  onBody(chunk: Buffer, end: boolean): void {
    if (end) this.#finish(receiver => receiver.onData(chunk, true));
    else this.#receiver?.onData(chunk, false);
  }

  /** Trailers end here, as in Envoy unless it is told otherwise. */
  onBodyTrailers(_trailers: HeaderMap): void {
    this.onBody(emptyChunk, true);
  }

  /** The response is whole. */
  #finish(tell: (receiver: ResponseReceiver) => void): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#finished = true;
    this.#state = 'idle';
    while (this.#pauses > 0) this.resumeReading();
    if (receiver !== undefined) tell(receiver);
  }

  pauseReading(): void {
    if (this.#pauses++ === 0) this.transport.pause();
  }

  resumeReading(): void {
    if (this.#pauses > 0 && --this.#pauses === 0) this.transport.resume();
  }

  onDrain(): void {
    this.#receiver?.onUpstreamCongested(false);
  }

  onEnd(): void {
    this.#byPeer = true;
    if (this.#state === 'body') {
      if (this.#receiver !== undefined && this.#body.finish()) {
        this.#giveBack(false);
        return;
      }
    }
    this.#noteCutShort();
    this.transport.destroy();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    if (error !== undefined) {
      this.#byPeer = true;
      this.#noteCutShort();
    }
    this.#closed();
  }

  #byPeer = false;

  /** Closes the connection without telling a receiver. */
  close(): void {
    this.transport.destroy();
  }

  /** The host ended the connection in the middle of a response: it promised more than it sent. */
  #noteCutShort(): void {
    if (this.#failure !== undefined || (this.#state !== 'body' && this.#partial === '')) return;
    this.#owner.onProtocolError();
    this.#failure = 'protocol-error';
  }

  #fail(reason: ResetReason): void {
    this.#failure = reason;
    this.transport.destroy();
  }

  #failure: ResetReason | undefined;

  #closed(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#state = 'closed';
    this.#body.stop();
    this.#owner.onConnectionClosed(this.#byPeer);
    receiver?.onReset(this.#failure ?? 'connection-termination', '');
  }
}

/** No content can have no length: 0 is overlooked, as in Envoy. */
function dropLength(head: ResponseHeaders, parser: HeadParser): void {
  if (parser.chunked) throw new CodecError(502, 'http1.transfer_encoding_not_allowed');
  if (parser.contentLength > 0) throw new CodecError(502, 'http1.content_length_not_allowed');
  head.remove('content-length');
}

function keepsAlive(parser: HeadParser): boolean {
  if (parser.connection === '') return parser.minor === 1;
  if (hasToken(parser.connection, 'close')) return false;
  return parser.minor === 1 || hasToken(parser.connection, 'keep-alive');
}
