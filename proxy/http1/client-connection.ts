/** HTTP/1 with an upstream host: one request at a time on a connection that is kept for the next. */

import {
  type ClientCodec,
  type ClientCodecOwner,
  CodecError,
  type HeadLimits,
  type ResetReason,
  type ResponseReceiver,
  type SentRequest,
} from '../http/codec.ts';
import { type HeaderMap, type RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { WireBytes } from '../http/wire-bytes.ts';
import { latin1 } from '../net/latin1.ts';
import { defaultHighMark, type Transport, type TransportHandler } from '../net/transport.ts';
import { BodyDecoder, type BodySink, emptyChunk } from './body-decoder.ts';
import { encodeChunkSize, encodeRequestHead, lastChunk, lastChunkWith } from './encode.ts';
import { HeadParser, headEnd, incomplete } from './head-parser.ts';
import { defaultOptions, type Http1Options } from './options.ts';
import { checkTrailers } from './trailers.ts';
import { HeldData, hasToken, namesUpgrade } from './upgrade.ts';

type State = 'idle' | 'head' | 'body' | 'closed';

export class ClientConnection implements ClientCodec, TransportHandler, SentRequest, BodySink {
  readonly protocol = 'HTTP/1.1';
  readonly transport: Transport;
  readonly #owner: ClientCodecOwner;
  readonly #options: Http1Options;
  readonly #parser: HeadParser;
  readonly #body: BodyDecoder;
  #receiver: ResponseReceiver | undefined;
  #bytes = new WireBytes();
  #state: State = 'idle';
  #partial = '';
  #forHead = false;
  #chunkedRequest = false;
  #requestDone = false;
  /** What the request asked for. */
  #upgrade = '';
  /** What waits for the host to grant it. */
  #held: HeldData | undefined;
  /** It is granted: bytes of another protocol go both ways. */
  #upgraded = false;
  #keepAlive = true;
  #pauses = 0;
  /** A response became whole within the read that is being handled: what follows it there belongs to no request. */
  #finished = false;

  constructor(transport: Transport, owner: ClientCodecOwner, limits: HeadLimits, options = defaultOptions) {
    this.transport = transport;
    this.#owner = owner;
    this.#options = options;
    this.#parser = new HeadParser(limits, options);
    this.#body = new BodyDecoder(this, limits);
    transport.handler = this;
  }

  get capacity(): number {
    return this.#state === 'idle' && !this.transport.closed ? 1 : 0;
  }

  get congested(): boolean {
    return this.transport.congested;
  }

  start(head: RequestHeaders, end: boolean, receiver: ResponseReceiver): SentRequest {
    this.#receiver = receiver;
    this.#bytes = receiver.bytes ?? this.#bytes;
    this.#state = 'head';
    this.#forHead = head.method === 'HEAD';
    this.#requestDone = end;
    this.#upgrade = head.upgrade;
    this.#held = head.upgrade === '' ? undefined : new HeldData();
    this.#keepAlive = true;
    const encoded = encodeRequestHead(head, end, this.#options);
    this.#chunkedRequest = encoded.chunked;
    this.#bytes.sentHead1(encoded.text);
    this.transport.writeText(encoded.text);
    receiver.onSent();
    return this;
  }

  sendData(chunk: Buffer, end: boolean): void {
    const { transport } = this;
    if (this.#held !== undefined) {
      this.#held.add(chunk);
      this.#requestDone = end;
      if (this.#held.bytes > defaultHighMark) this.#receiver?.onUpstreamCongested(true);
      return;
    }
    if (chunk.length > 0) {
      this.#bytes.sent += chunk.length;
      if (this.#chunkedRequest) {
        const size = encodeChunkSize(chunk.length);
        this.#bytes.sent += size.length + 2;
        transport.writeText(size);
        transport.write(chunk);
        transport.writeText('\r\n');
      } else transport.write(chunk);
    }
    if (end) {
      this.#endBody();
      this.#requestDone = true;
      if (this.#upgraded) this.#endUpgraded();
    } else if (transport.congested) this.#receiver?.onUpstreamCongested(true);
  }

  /** The host speaks the other protocol from here on. */
  #startUpgraded(head: ResponseHeaders): void {
    head.upgraded = true;
    head.remove('transfer-encoding');
    this.#upgraded = true;
    this.#state = 'body';
    this.#body.startUntilClose();
    for (const chunk of this.#held?.chunks ?? []) {
      this.#bytes.sent += chunk.length;
      this.transport.write(chunk);
    }
    this.#held = undefined;
    if (this.#requestDone) this.#endUpgraded();
    if (!this.transport.congested) this.#receiver?.onUpstreamCongested(false);
    this.#receiver?.onHead(head, false);
  }

  /** As in Envoy a host learns that a client of CONNECT says no more, and of no other protocol. */
  #endUpgraded(): void {
    if (this.#upgrade === 'connect') this.transport.end();
  }

  /** Whether the answer grants what the request asked for. */
  #grants(head: ResponseHeaders): boolean {
    if (this.#upgrade === 'connect') return head.status >= 200 && head.status < 300;
    return this.#upgrade !== '' && head.status === 101 && namesUpgrade(head);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#endBody(this.#options.trailers ? trailers : undefined);
    this.#requestDone = true;
  }

  #endBody(trailers?: HeaderMap): void {
    if (!this.#chunkedRequest) return;
    const text = trailers === undefined ? lastChunk : lastChunkWith(trailers);
    this.#bytes.sent += text.length;
    this.transport.writeText(text);
  }

  /** Gives the exchange up: its connection cannot serve another. */
  cancel(): void {
    if (this.#receiver === undefined) return;
    this.#receiver = undefined;
    this.close();
  }

  onRead(chunk: Buffer): void {
    this.#bytes.received += chunk.length;
    try {
      this.#take(chunk);
      if (this.#finished) this.#giveBack(this.#keepAlive);
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
    // Envoy counts it as a request that was cut short.
    if (!this.#requestDone) {
      this.close();
      return;
    }
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

  #takeHead(chunk: Buffer, at: number, to: number = headEnd(chunk, at)): number {
    const text = latin1(chunk, at, to);
    const before = this.#partial.length;
    if (before > 0 && !text.includes('\n') && before + text.length < 60 * 1024) {
      this.#partial += text;
      return chunk.length;
    }
    const whole = before === 0 ? text : this.#partial + text;
    const end = this.#parser.parseResponse(whole, 0);
    if (end === incomplete && to < chunk.length) return this.#takeHead(chunk, at, chunk.length);
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
    head.writtenNames = parser.written;
    this.#bytes.receivedHead1(parser.entries);
    if (parser.status < 200 || parser.status === 204) dropLength(head, parser);
    if (parser.status < 200 && parser.status !== 101) {
      this.#receiver?.onInterim(head);
      return;
    }
    if (this.#grants(head)) {
      this.#startUpgraded(head);
      return;
    }
    if (parser.status === 101 && this.#upgrade === '') throw new CodecError(502, 'http1.unexpected_upgrade');
    this.#keepAlive = keepsAlive(parser);
    const bodiless = this.#forHead || isBodiless(parser.status) || parser.contentLength === 0;
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
  onBodyTrailers(trailers: HeaderMap): void {
    if (!this.#options.trailers) {
      this.onBody(emptyChunk, true);
      return;
    }
    checkTrailers(trailers);
    this.#finish(receiver => receiver.onTrailers(trailers));
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
    if (this.#state === 'body' && !this.#upgraded) {
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

  close(): void {
    this.transport.destroy();
  }

  /** The host ended the connection in the middle of a response: it promised more than it sent. */
  #noteCutShort(): void {
    if (this.#upgraded || this.#failure !== undefined || (this.#state !== 'body' && this.#partial === '')) return;
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

/** Without content, whatever the head says. A 101 that changes nothing ends what was asked for. */
const isBodiless = (status: number): boolean => status === 101 || status === 204 || status === 304;

function keepsAlive(parser: HeadParser): boolean {
  if (parser.connection === '') return parser.minor === 1;
  if (hasToken(parser.connection, 'close')) return false;
  return parser.minor === 1 || hasToken(parser.connection, 'keep-alive');
}
