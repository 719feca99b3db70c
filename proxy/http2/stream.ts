/** One stream of a connection: what may be sent and received on it, and what waits to be sent. */
import type { BrokenBy } from '../http/codec.ts';
import type { HeaderMap } from '../http/headers.ts';
import { WireBytes } from '../http/wire-bytes.ts';
import type { Http2Connection } from './connection.ts';
import { errorCode, Http2MessageError, Http2StreamError } from './errors.ts';
import { defaultFrameSize, frameHeadBytes } from './frames.ts';

export abstract class Http2Stream {
  readonly id: number;
  readonly bytes: WireBytes;
  /** Bytes that the peer lets us send; below zero after it made its windows smaller. */
  sendWindow: number;
  /** Whether each side has sent the last of its frames. */
  localEnded = false;
  remoteEnded = false;
  closed = false;
  protected readonly connection: Http2Connection;
  /** Bytes that the peer may send now. */
  #receiveWindow: number;
  /** Bytes that were taken and that the peer was not told of yet. */
  #taken = 0;
  /** Bytes that came while somebody wanted none. */
  #held = 0;
  #pauses = 0;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #endQueued = false;
  #trailers: HeaderMap | undefined;
  #congested = false;
  #contentLength = -1;
  #contentBytes = 0;

  constructor(connection: Http2Connection, id: number, bytes = new WireBytes()) {
    this.connection = connection;
    this.id = id;
    this.bytes = bytes;
    this.sendWindow = connection.peerWindow;
    this.#receiveWindow = connection.options.streamWindow;
  }

  /** The peer's data. */
  protected abstract deliver(chunk: Buffer, end: boolean): void;
  protected abstract tellCongestion(congested: boolean): void;
  /** A block of fields: a head or trailers. */
  abstract onFields(fields: string[], end: boolean): void;
  /** The stream ended before its time. `details` in the words of `response_code_details`. */
  abstract onBroken(by: BrokenBy, code: number, details: string): void;

  /** Whether more of the peer's data is promised than may come without trailers. */
  protected expectLength(length: number): void {
    this.#contentLength = length;
  }

  // From the peer

  /** A DATA frame of so many bytes begins: whether it may be as large. */
  takeFrame(length: number): boolean {
    this.#receiveWindow -= length;
    this.bytes.received += frameHeadBytes + length;
    return this.#receiveWindow >= 0;
  }

  /** @throws Http2StreamError where it is not as long as its head says */
  takeData(chunk: Buffer, end: boolean): void {
    this.#contentBytes += chunk.length;
    const rest = this.#contentLength - this.#contentBytes;
    if (this.#contentLength >= 0 && (rest < 0 || (end && rest > 0)))
      throw new Http2StreamError(errorCode.PROTOCOL_ERROR, 'http2.remote_reset');
    if (end) this.remoteEnded = true;
    if (chunk.length > 0 || end) this.deliver(chunk, end);
  }

  /** Nothing more comes after these fields. @throws Http2MessageError where data was promised */
  noteRemoteEnd(): void {
    if (this.#contentLength >= 0 && this.#contentBytes !== this.#contentLength)
      throw new Http2MessageError('http2.violation.of.messaging.rule');
    this.remoteEnded = true;
  }

  /** The bytes of a whole frame were delivered: the peer may send as many again, unless somebody wants none. */
  credit(bytes: number): void {
    if (this.#pauses > 0) this.#held += bytes;
    else this.#give(bytes);
  }

  #give(bytes: number): void {
    this.connection.credit(bytes);
    if (this.remoteEnded || this.closed) return;
    this.#taken += bytes;
    if (this.#taken * 2 < this.connection.options.streamWindow) return;
    this.connection.sendWindowUpdate(this.id, this.#taken);
    this.#receiveWindow += this.#taken;
    this.#taken = 0;
  }

  pauseReading(): void {
    this.#pauses++;
  }

  resumeReading(): void {
    if (this.#pauses === 0 || --this.#pauses > 0) return;
    this.#release();
  }

  #release(): void {
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.#give(held);
  }

  // To the peer

  /** Whether the peer takes less than it is sent. */
  get congested(): boolean {
    return this.#congested;
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.closed || this.localEnded || this.#endQueued) return;
    const sent = this.#queue.length === 0 ? this.#write(chunk, end) : 0;
    if (!this.localEnded && (sent < chunk.length || end)) {
      this.#queue.push(Buffer.from(sent === 0 ? chunk : chunk.subarray(sent)));
      this.#queuedBytes += chunk.length - sent;
      this.#endQueued = end;
      this.connection.waiting.block(this);
    }
    if (!end) this.noteCongestion();
  }

  /** Sends what the windows allow, and says how much that was. */
  #write(chunk: Buffer, end: boolean): number {
    let sent = 0;
    do {
      const length = Math.min(chunk.length - sent, this.sendWindow, this.connection.sendWindow, defaultFrameSize);
      if (length < 0 || (length === 0 && chunk.length > sent)) return sent;
      const last = end && sent + length === chunk.length;
      if (length === 0 && !last) return sent;
      this.sendWindow -= length;
      this.bytes.sent += frameHeadBytes + length;
      if (last) this.localEnded = true;
      this.connection.writeData(this.id, length === chunk.length ? chunk : chunk.subarray(sent, sent + length), last);
      sent += length;
      if (last) this.onLocalEnd();
    } while (sent < chunk.length);
    return sent;
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.closed || this.localEnded || this.#endQueued) return;
    // A block without fields says no more than the end of the body, which is what Envoy sends.
    if (trailers.entries.length === 0) {
      this.sendData(Buffer.alloc(0), true);
      return;
    }
    if (this.#queue.length === 0) {
      this.#writeTrailers(trailers);
      return;
    }
    this.#trailers = trailers;
    this.#endQueued = true;
  }

  #writeTrailers(trailers: HeaderMap): void {
    this.localEnded = true;
    this.connection.writeTrailers(this, trailers);
    this.onLocalEnd();
  }

  /** Sends one frame of what waits, where it may; whether it did. */
  sendQueued(): boolean {
    const [chunk] = this.#queue;
    if (chunk === undefined || this.closed) {
      this.connection.waiting.unblock(this);
      return false;
    }
    const piece = chunk.length > defaultFrameSize ? chunk.subarray(0, defaultFrameSize) : chunk;
    const lastPiece = this.#queue.length === 1 && piece.length === chunk.length;
    const sent = this.#write(piece, lastPiece && this.#endQueued && this.#trailers === undefined);
    if (sent === 0 && piece.length > 0) return false;
    this.#queuedBytes -= sent;
    if (sent === chunk.length) this.#queue.shift();
    else this.#queue[0] = chunk.subarray(sent);
    if (this.#queue.length === 0) {
      this.connection.waiting.unblock(this);
      if (this.#trailers !== undefined && !this.closed) this.#writeTrailers(this.#trailers);
    }
    this.noteCongestion();
    return true;
  }

  /** Tells whoever sends to stop, or to go on: once each way. */
  noteCongestion(): void {
    if (this.closed || this.localEnded) return;
    const { highMark, transport } = this.connection;
    const full = this.#queuedBytes > highMark || transport.congested;
    if (full === this.#congested) return;
    if (!full && this.#queuedBytes > highMark / 2) return;
    this.#congested = full;
    this.connection.waiting.noteCongested(this, full);
    this.tellCongestion(full);
  }

  /** We have sent all. */
  protected onLocalEnd(): void {
    this.finishIfDone();
  }

  /** Forgets the stream where both sides have sent all. */
  protected finishIfDone(): void {
    if (this.localEnded && this.remoteEnded) this.connection.forget(this);
  }

  /** Called by the connection when the stream is forgotten. */
  onForgotten(): void {
    this.closed = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#pauses = 0;
    this.#release();
  }
}
