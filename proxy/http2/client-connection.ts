/** HTTP/2 with an upstream host: many requests at a time. */
import type {
  BrokenBy,
  ClientCodec,
  ClientCodecOwner,
  ResetReason,
  ResponseReceiver,
  SentRequest,
} from '../http/codec.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { Transport } from '../net/transport.ts';
import { Http2Connection } from './connection.ts';
import type { Http2Context } from './context.ts';
import { errorCode, Http2ConnectionError, Http2MessageError } from './errors.ts';
import { contentLength, responseHead, trailerFields } from './fields.ts';
import { largestWindow } from './frames.ts';
import { Http2Stream } from './stream.ts';

export class Http2ClientConnection extends Http2Connection implements ClientCodec {
  readonly protocol = 'HTTP/2';
  readonly #owner: ClientCodecOwner;
  #nextStream = 1;
  #goingAway = false;

  constructor(transport: Transport, owner: ClientCodecOwner, context: Http2Context) {
    super(transport, context, true);
    this.#owner = owner;
  }

  get capacity(): number {
    if (this.#goingAway || this.ending || this.transport.closed || this.#nextStream > largestWindow) return 0;
    return Math.min(this.options.maxConcurrentStreams, this.peerMaxStreams) - this.streams.size;
  }

  start(head: RequestHeaders, end: boolean, receiver: ResponseReceiver): SentRequest {
    const stream = new ClientStream(this, this.#nextStream, receiver, head);
    this.#nextStream += 2;
    this.addStream(stream);
    const { encoder } = this;
    encoder.begin();
    const upgrade = head.method === 'CONNECT' ? '' : head.upgrade;
    encoder.field(':method', upgrade === '' ? head.method : 'CONNECT');
    encoder.field(':authority', head.authority);
    // @see https://www.rfc-editor.org/rfc/rfc8441
    if (upgrade !== '') encoder.field(':protocol', upgrade);
    if (head.method !== 'CONNECT') {
      encoder.field(':scheme', head.scheme);
      encoder.field(':path', head.path);
    }
    stream.localEnded = end;
    this.writeFields(stream, head, end);
    receiver.onSent();
    return stream;
  }

  protected isUnopened(stream: number): boolean {
    return stream % 2 === 0 || stream >= this.#nextStream;
  }

  /** Hosts begin none: it is one that was forgotten, or never was. */
  protected onNewStream(id: number): void {
    if (this.isUnopened(id)) throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.idle_stream');
    this.refuseStream(id, errorCode.STREAM_CLOSED);
  }

  /** The exchange of a stream is over. */
  onStreamDone(): void {
    this.#owner.onExchangeDone(!this.#goingAway);
  }

  protected override onMoreStreamsAllowed(): void {
    this.#owner.onCapacityChanged?.();
  }

  onGoAway(lastStream: number): void {
    const first = !this.#goingAway;
    this.#goingAway = true;
    if (first) this.#owner.onGoAway?.();
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastStream) continue;
      this.forget(stream);
      stream.onBroken('reset', errorCode.REFUSED_STREAM, 'http2.goaway');
    }
    if (!this.busy) this.close();
  }

  /** Nothing is left to be said to a host that we part with. */
  override close(): void {
    if (this.ending) return;
    this.sendGoAway(0, errorCode.NO_ERROR);
    this.transport.destroy();
  }

  protected onIdle(): void {
    if (this.#goingAway) this.close();
  }

  protected onBroken(): void {
    this.#owner.onProtocolError();
  }

  protected onClosed(byPeer: boolean): void {
    this.#owner.onConnectionClosed(byPeer);
  }
}

class ClientStream extends Http2Stream implements SentRequest {
  #receiver: ResponseReceiver | undefined;
  readonly #client: Http2ClientConnection;
  readonly #forHead: boolean;
  /** What was asked for instead of HTTP. */
  readonly #upgrade: string;
  #headCame = false;

  constructor(connection: Http2ClientConnection, id: number, receiver: ResponseReceiver, request: RequestHeaders) {
    super(connection, id, receiver.bytes);
    this.#client = connection;
    this.#receiver = receiver;
    this.#forHead = request.method === 'HEAD';
    this.#upgrade = request.upgrade;
  }

  protected deliver(chunk: Buffer, end: boolean): void {
    if (!end) this.#receiver?.onData(chunk, false);
    else this.#finish(receiver => receiver.onData(chunk, true));
  }

  protected tellCongestion(congested: boolean): void {
    this.#receiver?.onUpstreamCongested(congested);
  }

  onFields(fields: string[], end: boolean): void {
    if (!this.#headCame) {
      this.#onHead(fields, end);
      return;
    }
    if (!end) throw new Http2MessageError('http2.violation.of.messaging.rule');
    const trailers = trailerFields(fields);
    this.noteRemoteEnd();
    this.#finish(receiver => receiver.onTrailers(trailers));
  }

  #onHead(fields: string[], end: boolean): void {
    const head = responseHead(fields);
    if (head.status < 200) {
      if (end || head.status === 101) throw new Http2MessageError('http2.violation.of.messaging.rule');
      this.#receiver?.onInterim(head);
      return;
    }
    this.#headCame = true;
    if (this.#upgrade !== '' && head.status < 300 && !end) grant(head, this.#upgrade);
    if (!this.#forHead && head.status !== 304) this.expectLength(contentLength(head));
    if (!end) {
      this.#receiver?.onHead(head, false);
      return;
    }
    this.noteRemoteEnd();
    this.#finish(receiver => receiver.onHead(head, true));
  }

  /** The response is whole. A request that is not will not be needed. */
  #finish(tell: (receiver: ResponseReceiver) => void): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (this.localEnded) this.finishIfDone();
    else this.connection.resetStream(this, errorCode.NO_ERROR);
    if (receiver !== undefined) tell(receiver);
    this.#client.onStreamDone();
  }

  onBroken(by: BrokenBy, code: number): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (receiver === undefined) return;
    this.#client.onStreamDone();
    receiver.onReset(reasonOf(by, code), '');
  }

  cancel(): void {
    if (this.#receiver === undefined) return;
    this.#receiver = undefined;
    this.connection.resetStream(this, errorCode.CANCEL);
    this.#client.onStreamDone();
  }
}

/** An upgrade that is granted looks as HTTP/1 knows it. */
function grant(head: ResponseHeaders, upgrade: string): void {
  head.upgraded = true;
  if (upgrade === 'connect') return;
  head.status = 101;
  head.remove('content-length');
  head.add('upgrade', upgrade);
  head.add('connection', 'upgrade');
}

function reasonOf(by: BrokenBy, code: number): ResetReason {
  if (by === 'closed') return 'connection-termination';
  if (by === 'protocol') return 'protocol-error';
  return code === errorCode.REFUSED_STREAM ? 'refused-stream' : 'remote-reset';
}
