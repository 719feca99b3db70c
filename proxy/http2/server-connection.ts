/** HTTP/2 with a client. */
import type { BrokenBy, RequestReceiver, ResponseSender, ServerCodec, ServerCodecOwner } from '../http/codec.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { Transport } from '../net/transport.ts';
import { Http2Connection } from './connection.ts';
import type { Http2Context, ReceivedBlock } from './context.ts';
import { errorCode, Http2ConnectionError, Http2MessageError, Http2OverflowError, Http2StreamError } from './errors.ts';
import { contentLength, requestHead, trailerFields } from './fields.ts';
import { connectionPreface, largestWindow, pingFrame } from './frames.ts';
import { Http2Stream } from './stream.ts';

/** Streams that a client broke off before they were answered: from so many on, and more than half of all, it is an attack. */
const manyPrematureResets = 500;
/** The details of that. */
export const tooManyResets = 'http2.too_many_resets';
/** The ping whose answer says that it has. */
const drainPing = 'draining';

export class Http2ServerConnection extends Http2Connection implements ServerCodec {
  readonly endsConnection = false;
  readonly protocol = 'HTTP/2';
  readonly #owner: ServerCodecOwner;
  #prefaceBytes = 0;
  #draining = false;
  /** The client knows: what it begins now is refused. */
  #drained = false;
  readonly #drainTimeoutMs: number;
  #drainTimer: NodeJS.Timeout | undefined;
  #prematureResets = 0;
  #streamsBegun = 0;

  /** @param drainTimeoutMs milliseconds that the client has to hear that the connection ends */
  constructor(transport: Transport, owner: ServerCodecOwner, context: Http2Context, drainTimeoutMs: number) {
    super(transport, context, false);
    this.#drainTimeoutMs = drainTimeoutMs;
    this.#owner = owner;
  }

  protected override readBytes(chunk: Buffer): void {
    let at = 0;
    for (; this.#prefaceBytes < connectionPreface.length && at < chunk.length; at++)
      if (chunk[at] !== connectionPreface.charCodeAt(this.#prefaceBytes++))
        throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.bad_preface');
    if (at < chunk.length) super.readBytes(chunk, at);
  }

  protected isUnopened(stream: number): boolean {
    return stream % 2 === 0 || stream > this.lastPeerStream;
  }

  protected onNewStream(id: number, fields: string[], end: boolean, block: ReceivedBlock): void {
    if (id % 2 === 0) throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.bad_stream');
    if (id <= this.lastPeerStream) throw new Http2ConnectionError(errorCode.STREAM_CLOSED, 'http2.stream_closed');
    this.lastPeerStream = id;
    if (this.#drained || this.streams.size >= this.options.maxConcurrentStreams) {
      this.refuseStream(id, errorCode.REFUSED_STREAM);
      return;
    }
    this.#streamsBegun++;
    const stream = new ServerStream(this, id);
    this.addStream(stream);
    stream.bytes.receivedBlock(block.frameBytes, fields);
    stream.receiver = this.#owner.newRequest(stream);
    try {
      if (block.overLimit) throw new Http2OverflowError();
      stream.begin(requestHead(fields, this.options.allowConnect), end);
    } catch (error) {
      if (!(error instanceof Http2StreamError)) throw error;
      this.refuse(stream, error);
    }
  }

  sendHead(stream: Http2Stream, head: ResponseHeaders, end: boolean): void {
    this.encoder.begin();
    // An upgrade that is granted is CONNECT that succeeds.
    this.encoder.field(':status', String(head.upgraded && head.status === 101 ? 200 : head.status));
    this.writeFields(stream, head, end);
  }

  /** Counts a stream that its client broke off before it was answered. */
  notePrematureReset(): void {
    if (++this.#prematureResets < manyPrematureResets || this.#prematureResets * 2 < this.#streamsBegun) return;
    this.fail(new Http2ConnectionError(errorCode.ENHANCE_YOUR_CALM, tooManyResets));
  }

  drain(): void {
    if (this.#draining || this.ending) return;
    this.#draining = true;
    // Streams that are under way to us are taken still, until their client has heard of this.
    this.sendGoAway(largestWindow, errorCode.NO_ERROR);
    this.transport.writeText(pingFrame(drainPing, false));
    this.#drainTimer = setTimeout(() => this.#endDrain(), this.#drainTimeoutMs);
  }

  protected override onPong(opaque: string): void {
    if (this.#draining && opaque === drainPing) this.#endDrain();
  }

  #endDrain(): void {
    clearTimeout(this.#drainTimer);
    if (this.#drained || this.ending) return;
    this.#drained = true;
    if (this.busy) this.sendGoAway(this.lastPeerStream, errorCode.NO_ERROR);
    else this.close();
  }

  protected onIdle(): void {
    if (this.ending) return;
    if (this.#drained) this.close();
    else if (!this.#draining) this.#owner.onConnectionIdle();
  }

  onGoAway(): void {}

  protected onBroken(error: Http2ConnectionError): void {
    this.#owner.onProtocolError(error.message);
  }

  protected onClosed(byPeer: boolean): void {
    clearTimeout(this.#drainTimer);
    this.#owner.onConnectionClosed(byPeer, this.busy);
  }
}

class ServerStream extends Http2Stream implements ResponseSender {
  readonly protocol = 'HTTP/2';
  receiver: RequestReceiver | undefined;
  readonly #server: Http2ServerConnection;
  #answered = false;
  #forHead = false;
  #connects = false;

  constructor(connection: Http2ServerConnection, id: number) {
    super(connection, id);
    this.#server = connection;
  }

  /** @throws Http2StreamError */
  begin(head: RequestHeaders, end: boolean): void {
    const length = contentLength(head);
    this.expectLength(length);
    if (end) this.noteRemoteEnd();
    this.#forHead = head.method === 'HEAD';
    this.#connects = head.upgrade !== '';
    this.receiver!.onRequestHead(head, end);
  }

  protected deliver(chunk: Buffer, end: boolean): void {
    this.receiver?.onRequestData(chunk, end);
  }

  protected tellCongestion(congested: boolean): void {
    this.receiver?.onDownstreamCongested(congested);
  }

  onFields(fields: string[], end: boolean): void {
    if (!end) throw new Http2MessageError('http2.violation.of.messaging.rule');
    const trailers = trailerFields(fields);
    this.noteRemoteEnd();
    this.connection.noteTrailers();
    this.receiver?.onRequestTrailers(trailers);
    this.finishIfDone();
  }

  onBroken(by: BrokenBy, _code: number, details: string): void {
    const { receiver } = this;
    this.receiver = undefined;
    receiver?.onRequestReset(by, details);
    if (by === 'reset' && !this.#answered) this.#server.notePrematureReset();
  }

  // The response

  sendInterim(head: ResponseHeaders): void {
    if (!this.closed) this.#server.sendHead(this, head, false);
  }

  sendHead(head: ResponseHeaders, end: boolean, _close: boolean): void {
    if (this.closed) return;
    this.#answered = true;
    this.localEnded = end;
    this.#server.sendHead(this, head, end);
    if (end) this.onLocalEnd();
  }

  override sendData(chunk: Buffer, end: boolean): void {
    // What answers HEAD has none, whatever its length says.
    super.sendData(this.#forHead ? chunk.subarray(0, 0) : chunk, end);
  }

  handOver(receiver: RequestReceiver): void {
    this.receiver = receiver;
  }

  reset(): void {
    this.receiver = undefined;
    this.connection.resetStream(this, this.#connects ? errorCode.CONNECT_ERROR : errorCode.INTERNAL_ERROR);
  }

  /** Nobody waits for the rest of a request that was answered. */
  protected override onLocalEnd(): void {
    this.receiver = undefined;
    if (this.remoteEnded) this.finishIfDone();
    else this.connection.resetStream(this, errorCode.NO_ERROR);
  }
}
