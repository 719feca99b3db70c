/** HTTP/1 with a client: requests in, responses out, one at a time; pipelined requests wait. */
import {
  CodecError,
  type HeadLimits,
  type RequestReceiver,
  type ResponseSender,
  type ServerCodec,
  type ServerCodecOwner,
} from '../http/codec.ts';
import { type HeaderMap, RequestHeaders, type ResponseHeaders } from '../http/headers.ts';
import { WireBytes } from '../http/wire-bytes.ts';
import { latin1 } from '../net/latin1.ts';
import { LingeringClose } from '../net/lingering-close.ts';
import type { Transport, TransportHandler } from '../net/transport.ts';
import { BodyDecoder, type BodySink, emptyChunk } from './body-decoder.ts';
import {
  type Answering,
  encodeChunkSize,
  encodeResponseHead,
  lastChunk,
  lastChunkWith,
  tellOldClient,
} from './encode.ts';
import { HeadParser, headEnd, incomplete } from './head-parser.ts';
import type { Http1Options } from './options.ts';
import { checkTrailers } from './trailers.ts';
import { hasToken, takeUpgrade } from './upgrade.ts';

type State = 'head' | 'body' | 'waiting' | 'closing';

/** What a listener's connections of HTTP/1 share. */
export interface Http1Context {
  options: Http1Options;
  limits: HeadLimits;
  /** How long a connection that we ended may take to close (delayed_close_timeout). */
  lingerMs: number;
}

export class ServerConnection implements ServerCodec, TransportHandler, ResponseSender, BodySink {
  readonly transport: Transport;
  protocol: 'HTTP/1.0' | 'HTTP/1.1' = 'HTTP/1.1';
  readonly #owner: ServerCodecOwner;
  readonly #parser: HeadParser;
  readonly #linger: LingeringClose;
  readonly #options: Http1Options;
  readonly #body: BodyDecoder;
  bytes = new WireBytes();
  #state: State = 'head';
  #partial = '';
  #stash: Buffer | undefined;
  #receiver: RequestReceiver | undefined;
  readonly #answering: Answering = { closes: false, forHead: false, minor: 1 };
  #chunkedResponse = false;
  endsConnection = false;
  /** What is sent are bytes of another protocol. */
  #upgraded = false;
  #requestDone = false;
  #responseDone = true;
  #pauses = 0;
  /** The receiver was told that the client reads too slowly. */
  #congested = false;

  constructor(transport: Transport, owner: ServerCodecOwner, { options, limits, lingerMs }: Http1Context) {
    this.#options = options;
    this.#linger = new LingeringClose(transport, lingerMs);
    this.transport = transport;
    this.#owner = owner;
    this.#parser = new HeadParser(limits, options);
    this.#body = new BodyDecoder(this, limits);
    transport.handler = this;
  }

  /** Whether a request is being read or answered. */
  get busy(): boolean {
    return this.#receiver !== undefined || this.#partial !== '';
  }

  onRead(chunk: Buffer): void {
    try {
      this.#take(chunk);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#refuse(error, chunk.length);
    }
  }

  #take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'head':
          at = this.#takeHead(chunk, at);
          break;
        case 'body':
          at = this.#takeBody(chunk, at);
          break;
        case 'waiting':
          this.#keep(at === 0 ? chunk : chunk.subarray(at));
          return;
        default:
          return;
      }
    }
  }

  /** As in Envoy all that was read counts until it is known to belong to another request. */
  #takeBody(chunk: Buffer, at: number): number {
    const { bytes } = this;
    bytes.received += chunk.length - at;
    const end = this.#body.feed(chunk, at);
    bytes.received -= chunk.length - end;
    return end;
  }

  /** A pipelined request waits for the response before it. */
  #keep(rest: Buffer): void {
    this.#stash = this.#stash === undefined ? Buffer.from(rest) : Buffer.concat([this.#stash, rest]);
    this.pauseReading();
  }

  #takeHead(chunk: Buffer, at: number, to: number = headEnd(chunk, at)): number {
    const text = latin1(chunk, at, to);
    const before = this.#partial.length;
    // A head that comes in pieces is parsed again for each line of it only, not for each byte.
    if (before > 0 && !text.includes('\n') && before + text.length < 60 * 1024) {
      this.#partial += text;
      return chunk.length;
    }
    const whole = before === 0 ? text : this.#partial + text;
    const end = this.#parser.parseRequest(whole, 0);
    if (end === incomplete && to < chunk.length) return this.#takeHead(chunk, at, chunk.length);
    if (end === incomplete) {
      // Of empty lines before a request any number may come.
      this.#partial = whole.startsWith('\r\n') ? whole.replace(/^(?:\r\n)+/, '') : whole;
      this.#begin('HTTP/1.1');
      this.bytes.received = whole.length;
      return chunk.length;
    }
    this.#partial = '';
    const { minor } = this.#parser;
    this.#begin(minor === 0 && this.#options.acceptsHttp10 ? 'HTTP/1.0' : 'HTTP/1.1');
    const { bytes } = this;
    bytes.received = whole.length;
    this.#startRequest();
    bytes.received -= whole.length - end;
    return at + end - before;
  }

  /** A request begins with its first byte: whoever limits its time has to know. */
  #begin(protocol: 'HTTP/1.0' | 'HTTP/1.1'): void {
    this.protocol = protocol;
    if (this.#receiver !== undefined) return;
    this.bytes = new WireBytes();
    const answering = this.#answering;
    answering.closes = false;
    answering.forHead = false;
    answering.minor = 1;
    this.#requestDone = false;
    this.#responseDone = false;
    this.#receiver = this.#owner.newRequest(this);
  }

  #startRequest(): void {
    const parser = this.#parser;
    const answering = this.#answering;
    const head = new RequestHeaders();
    head.entries = parser.entries;
    head.writtenNames = parser.written;
    this.bytes.receivedHead1(parser.entries);
    head.method = parser.method;
    head.path = parser.target;
    head.authority = parser.host;
    if (parser.hostCount > 0) head.remove('host');
    const bodiless = !parser.chunked && parser.contentLength <= 0;
    answering.forHead = head.method === 'HEAD';
    this.#requestDone = bodiless;
    answering.closes = asksToClose(parser);
    answering.minor = this.protocol === 'HTTP/1.0' ? 0 : 1;
    if (parser.minor === 0) this.#takeOld(head);
    if (parser.hostCount > 1) throw new CodecError(400, 'http1.codec_error');
    takeUpgrade(head, parser);
    const upgrade = head.upgrade !== '';
    if (parser.connection !== '' && !upgrade) checkNominated(parser.connection, head);
    const end = bodiless && !upgrade;
    this.#requestDone = end;
    this.#state = end ? 'waiting' : 'body';
    // Granted or not: nothing that follows is read as a request.
    if (upgrade) this.#body.startUntilClose();
    else if (parser.chunked) this.#body.startChunked();
    else if (!end) this.#body.startLength(parser.contentLength);
    this.#receiver?.onRequestHead(head, end);
  }

  /** A request in HTTP/1.0. */
  #takeOld(head: RequestHeaders): void {
    const { acceptsHttp10, defaultHost } = this.#options;
    if (!acceptsHttp10) throw new CodecError(426, 'low_version');
    if (this.#parser.hostCount === 0) head.authority = defaultHost;
  }

  onBody(chunk: Buffer, end: boolean): void {
    if (end) this.#requestDone = true;
    if (!this.#responseDone) {
      if (end) this.#state = 'waiting';
      this.#receiver?.onRequestData(chunk, end);
    } else if (end) this.#finishExchange();
  }

  /** Trailers end here, as in Envoy unless it is told otherwise. */
  onBodyTrailers(trailers: HeaderMap): void {
    if (!this.#options.trailers) {
      this.onBody(emptyChunk, true);
      return;
    }
    checkTrailers(trailers);
    this.#requestDone = true;
    if (this.#responseDone) this.#finishExchange();
    else {
      this.#state = 'waiting';
      this.#receiver?.onRequestTrailers(trailers);
    }
  }

  /** The client broke the protocol: it gets an answer where none has begun, and the connection ends. */
  #refuse(error: CodecError, readBytes: number): void {
    if (this.#state === 'closing') return;
    this.#state = 'closing';
    this.#body.stop();
    if (this.#receiver === undefined) {
      this.#begin('HTTP/1.1');
      this.bytes.received = this.#partial.length + readBytes;
    }
    this.#answering.closes = true;
    this.#requestDone = true;
    this.#receiver?.onRequestError(error);
  }

  sendInterim(head: ResponseHeaders): void {
    const { minor } = this.#answering;
    const { text } = encodeResponseHead(head, true, { closes: false, forHead: false, minor }, this.#options.names);
    this.bytes.sentHead1(text);
    this.transport.writeText(text);
  }

  sendHead(head: ResponseHeaders, end: boolean, close: boolean): void {
    const answering = this.#answering;
    if (close) answering.closes = true;
    if (answering.minor === 0) answering.closes = tellOldClient(head, answering.closes);
    const encoded = encodeResponseHead(head, end, answering, this.#options.names);
    this.#upgraded = head.upgraded;
    if (head.upgraded) answering.forHead = false;
    this.#chunkedResponse = encoded.chunked && !answering.forHead;
    this.bytes.sentHead1(encoded.text);
    this.transport.writeText(encoded.text);
    if (end) this.#finishResponse();
  }

  sendData(chunk: Buffer, end: boolean): void {
    const { transport } = this;
    if (chunk.length > 0 && !this.#answering.forHead) {
      this.bytes.sent += chunk.length;
      if (this.#chunkedResponse) {
        const size = encodeChunkSize(chunk.length);
        this.bytes.sent += size.length + 2;
        transport.writeText(size);
        transport.write(chunk);
        transport.writeText('\r\n');
      } else transport.write(chunk);
    }
    if (!end) {
      if (transport.congested) this.#tellCongestion(true);
      return;
    }
    this.#endBody();
    this.#finishResponse();
  }

  /** Once each way, whatever number of chunks comes meanwhile. */
  #tellCongestion(congested: boolean): void {
    if (this.#congested === congested) return;
    this.#congested = congested;
    this.#receiver?.onDownstreamCongested(congested);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#endBody(this.#options.trailers ? trailers : undefined);
    this.#finishResponse();
  }

  #endBody(trailers?: HeaderMap): void {
    if (!this.#chunkedResponse) return;
    const text = trailers === undefined ? lastChunk : lastChunkWith(trailers);
    this.bytes.sent += text.length;
    this.transport.writeText(text);
  }

  handOver(receiver: RequestReceiver): void {
    this.#receiver = receiver;
  }

  reset(): void {
    this.#receiver = undefined;
    this.#state = 'closing';
    // Bytes that the host sent before it went are the client's.
    if (this.#upgraded) this.close();
    else this.transport.destroy();
  }

  #finishResponse(): void {
    this.#responseDone = true;
    this.#receiver = undefined;
    this.#congested = false;
    if (this.#answering.closes || !this.#requestDone) this.close();
    else this.#finishExchange();
  }

  #finishExchange(): void {
    if (this.#state === 'closing') return;
    this.#state = 'head';
    this.#resumeAll();
    this.#owner.onConnectionIdle();
    if (this.#stash === undefined) return;
    const stash = this.#stash;
    this.#stash = undefined;
    // First what ends with a response is put back, such as its connection to a host.
    process.nextTick(() => this.transport.closed || this.onRead(stash));
  }

  /** Sends what is left, then ends the connection; what the client still sends is thrown away. */
  close(): void {
    if (this.transport.closed) return;
    this.#state = 'closing';
    this.endsConnection = true;
    this.#resumeAll();
    this.#linger.begin();
  }

  drain(): void {
    if (!this.busy) this.close();
  }

  /** Nobody who paused the reading is there any more. */
  #resumeAll(): void {
    while (this.#pauses > 0) this.resumeReading();
  }

  pauseReading(): void {
    if (this.#pauses++ === 0) this.transport.pause();
  }

  resumeReading(): void {
    if (this.#pauses > 0 && --this.#pauses === 0) this.transport.resume();
  }

  onDrain(): void {
    this.#tellCongestion(false);
  }

  /** HTTP servers of Envoy know no half-closed clients: one that ended has gone. */
  onEnd(): void {
    this.#byPeer = true;
    this.transport.destroy();
  }

  #byPeer = false;

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#linger.stop();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    const byPeer = this.#byPeer || error !== undefined;
    this.#state = 'closing';
    this.#body.stop();
    receiver?.onRequestReset('closed', 'downstream_remote_disconnect');
    this.#owner.onConnectionClosed(byPeer, receiver !== undefined);
  }
}

/** HTTP/1.0 ends its connection unless it is asked not to. Proxy-Connection is as old. */
function asksToClose({ connection, proxyConnection, minor }: HeadParser): boolean {
  if (minor === 0 && !hasToken(connection, 'keep-alive')) return true;
  if (minor === 1 && connection !== '' && hasToken(connection, 'close')) return true;
  return proxyConnection !== '' && hasToken(proxyConnection, 'close');
}

const mostNominated = 9;
/** Whose removal would hide where a request comes from. */
const neverNominated = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

/** Headers that Connection names are removed further on; some may not be named, and without its host a request has none. */
function checkNominated(connection: string, head: RequestHeaders): void {
  const names = connection.split(',').map(name => name.trim());
  if (names.length > mostNominated || names.some(name => name.startsWith(':') || neverNominated.includes(name)))
    throw new CodecError(400, 'http1.connection_header_rejected');
  if (names.includes('host')) head.authority = '';
}
