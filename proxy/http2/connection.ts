/** A connection in HTTP/2, as both sides have it: frames, settings, windows and streams. @see https://www.rfc-editor.org/rfc/rfc9113 */
import type { BrokenBy, HeadLimits } from '../http/codec.ts';
import type { HeaderMap } from '../http/headers.ts';
import { LingeringClose } from '../net/lingering-close.ts';
import type { Transport, TransportHandler } from '../net/transport.ts';
import type { Http2Context, ReceivedBlock } from './context.ts';
import { errorCode, Http2ConnectionError, Http2MessageError, Http2OverflowError, Http2StreamError } from './errors.ts';
import { isConnectionField } from './fields.ts';
import { FloodGuard } from './flood-guard.ts';
import { type FrameEvents, FrameParser } from './frame-parser.ts';
import * as frames from './frames.ts';
import { frameFlag, frameType, setting } from './frames.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import { HpackError } from './hpack/hpack-error.ts';
import { KeepAlive } from './keep-alive.ts';
import { announcedSettings, checkSetting, type Http2Options } from './options.ts';
import type { Http2Stats } from './stats.ts';
import type { Http2Stream } from './stream.ts';
import { WaitingStreams } from './waiting-streams.ts';

/** How many streams that we reset are remembered: frames of theirs may still be under way. */
const rememberedResets = 1000;
/** Bytes of a header block in frames, for each byte that a head may have: compression cannot make it longer than that. */
const blockFactor = 2;

export abstract class Http2Connection implements TransportHandler, FrameEvents {
  readonly transport: Transport;
  readonly options: Http2Options;
  readonly highMark: number;
  sendWindow = frames.defaultWindow;
  /** What each of the peer's streams begins with. */
  peerWindow = frames.defaultWindow;
  protected readonly stats: Http2Stats;
  protected readonly limits: HeadLimits;
  protected readonly streams = new Map<number, Http2Stream>();
  /** The latest stream that the peer began. */
  protected lastPeerStream = 0;
  protected peerMaxStreams = Number.POSITIVE_INFINITY;
  protected ending = false;
  protected readonly encoder = new HpackEncoder();
  readonly #decoder: HpackDecoder;
  readonly #parser: FrameParser;
  readonly #floods: FloodGuard;
  readonly #keepAlive: KeepAlive | undefined;
  readonly #linger: LingeringClose;
  /** Streams that have something to send, or somebody who sends on them was told to stop. */
  readonly waiting = new WaitingStreams();
  readonly #resets = new Set<number>();
  #receiveWindow: number;
  #taken = 0;
  /** Of the DATA frame that is being read: its stream, where it is known, and its length. */
  #dataStream: Http2Stream | undefined;
  #dataLength = 0;

  constructor(transport: Transport, { options, limits, stats, highMark, lingerMs }: Http2Context, asClient: boolean) {
    this.transport = transport;
    this.options = options;
    this.limits = limits;
    this.stats = stats;
    this.highMark = highMark;
    this.#parser = new FrameParser(this, limits.maximumBytes * blockFactor);
    this.#decoder = new HpackDecoder(options.headerTableSize);
    this.#floods = new FloodGuard(options.flood, stats, transport);
    this.#linger = new LingeringClose(transport, lingerMs);
    this.#receiveWindow = options.connectionWindow;
    if (asClient) transport.writeText(frames.connectionPreface);
    transport.writeText(frames.settingsFrame(announcedSettings(options, asClient)));
    const more = options.connectionWindow - frames.defaultWindow;
    if (more > 0) transport.writeText(frames.windowUpdateFrame(0, more));
    if (options.keepAliveIntervalMs > 0)
      this.#keepAlive = new KeepAlive(options, {
        ping: opaque => transport.writeText(frames.pingFrame(opaque, false)),
        onSilent: () => {
          stats.keepAliveTimeout.increment();
          this.transport.destroy();
        },
      });
    transport.handler = this;
  }

  /** The peer's first block of fields on a stream. */
  protected abstract onNewStream(id: number, fields: string[], end: boolean, block: ReceivedBlock): void;
  abstract onGoAway(lastStream: number, code: number): void;
  /** The peer broke the protocol, or a limit: the connection ends. */
  protected abstract onBroken(error: Http2ConnectionError): void;
  protected abstract onClosed(byPeer: boolean): void;
  /** No stream is left. */
  protected abstract onIdle(): void;
  protected onMoreStreamsAllowed(): void {}
  protected onPong(_opaque: string): void {}

  get busy(): boolean {
    return this.streams.size > 0;
  }

  // What comes

  onRead(chunk: Buffer): void {
    if (this.ending) return;
    this.#floods.onRead();
    try {
      this.readBytes(chunk);
    } catch (error) {
      if (error instanceof HpackError)
        this.fail(new Http2ConnectionError(errorCode.COMPRESSION_ERROR, 'http2.bad_compression'));
      else if (error instanceof Http2ConnectionError) this.fail(error);
      else throw error;
    }
  }

  protected readBytes(chunk: Buffer, from = 0): void {
    this.#parser.read(chunk, from);
  }

  /** Ends the connection for the peer's fault. */
  protected fail(error: Http2ConnectionError): void {
    if (this.ending) return;
    this.onBroken(error);
    this.#end(error.code);
    this.#breakAll('protocol', error.code, error.message);
  }

  onFrame(type: number, flags: number, length: number): void {
    this.#floods.onFrame(type, flags, length, this.lastPeerStream);
  }

  onDataFrame(stream: number, length: number): void {
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0)
      throw new Http2ConnectionError(errorCode.FLOW_CONTROL_ERROR, 'http2.connection_flow_control_error');
    this.#dataLength = length;
    this.#dataStream = this.streams.get(stream);
    if (this.#dataStream === undefined) this.#onFrameOfNoStream(stream);
    else if (this.#dataStream.remoteEnded)
      this.#breakStream(this.#dataStream, new Http2StreamError(errorCode.STREAM_CLOSED, 'http2.stream_closed'));
    else if (!this.#dataStream.takeFrame(length)) {
      const error = new Http2StreamError(errorCode.FLOW_CONTROL_ERROR, 'http2.stream_flow_control_error');
      this.#breakStream(this.#dataStream, error);
    }
  }

  /** A stream that is closed, or that never was. */
  #onFrameOfNoStream(stream: number): void {
    if (this.isUnopened(stream)) throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.idle_stream');
    if (!this.#resets.has(stream)) this.#reset(stream, errorCode.STREAM_CLOSED);
  }

  /** Whether no stream of this number was ever begun. */
  protected abstract isUnopened(stream: number): boolean;

  onDataBytes(chunk: Buffer, last: boolean, end: boolean): void {
    const stream = this.#dataStream;
    if (stream !== undefined && !stream.closed) {
      try {
        stream.takeData(chunk, end);
      } catch (error) {
        if (!(error instanceof Http2StreamError)) throw error;
        this.refuse(stream, error);
      }
    }
    if (!last) return;
    if (stream === undefined) this.credit(this.#dataLength);
    else {
      stream.credit(this.#dataLength);
      this.#dataStream = undefined;
      if (!stream.closed && stream.remoteEnded && stream.localEnded) this.forget(stream);
    }
  }

  onBlock(id: number, end: boolean, block: Buffer, from: number, to: number, frameBytes: number): void {
    const fields = this.#decoder.decode(block, from, to, this.limits);
    const stream = this.streams.get(id);
    if (stream === undefined) {
      const { overLimit } = this.#decoder;
      if (!this.#resets.has(id)) this.onNewStream(id, fields, end, { overLimit, frameBytes });
      return;
    }
    stream.bytes.receivedBlock(frameBytes, fields);
    try {
      if (stream.remoteEnded) throw new Http2StreamError(errorCode.STREAM_CLOSED, 'http2.stream_closed');
      if (this.#decoder.overLimit) throw new Http2OverflowError();
      stream.onFields(fields, end);
    } catch (error) {
      if (!(error instanceof Http2StreamError)) throw error;
      this.refuse(stream, error);
    }
  }

  /** A message of the peer is none: its stream ends, and the connection where the configuration does not spare it. */
  protected refuse(stream: Http2Stream, error: Http2StreamError): void {
    if (error instanceof Http2OverflowError) this.stats.headerOverflow.increment();
    else if (error instanceof Http2MessageError) {
      this.stats.rxMessagingError.increment();
      if (!this.options.streamErrorOnInvalidMessage) throw new Http2ConnectionError(error.code, error.message);
    }
    this.#breakStream(stream, error);
  }

  #breakStream(stream: Http2Stream, error: Http2StreamError): void {
    if (stream.closed) return;
    this.resetStream(stream, error.code);
    stream.onBroken(error.by, error.code, error.message);
  }

  onReset(id: number, code: number): void {
    if (this.isUnopened(id)) throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.bad_stream');
    this.stats.rxReset.increment();
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    this.forget(stream);
    stream.onBroken('reset', code, 'http2.remote_reset');
  }

  onSettings(values: readonly (readonly [number, number])[]): void {
    for (const [id, value] of values) this.#set(id, value);
    this.#floods.onControlFrame();
    this.transport.writeText(frames.settingsAckFrame);
    this.waiting.send();
  }

  #set(id: number, value: number): void {
    checkSetting(id, value);
    if (id === setting.HEADER_TABLE_SIZE) this.encoder.setMaxTableSize(value);
    else if (id === setting.INITIAL_WINDOW_SIZE) this.#setPeerWindow(value);
    else if (id === setting.MAX_CONCURRENT_STREAMS) {
      this.peerMaxStreams = value;
      this.onMoreStreamsAllowed();
    }
  }

  #setPeerWindow(value: number): void {
    const change = value - this.peerWindow;
    this.peerWindow = value;
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > frames.largestWindow)
        throw new Http2ConnectionError(errorCode.FLOW_CONTROL_ERROR, 'http2.window_overflow');
    }
  }

  onPing(opaque: string, ack: boolean): void {
    if (ack) {
      this.#keepAlive?.onAnswer();
      this.onPong(opaque);
      return;
    }
    this.#floods.onControlFrame();
    this.transport.writeText(frames.pingFrame(opaque, true));
  }

  onWindowUpdate(id: number, bytes: number): void {
    if (id === 0) {
      if (bytes === 0) throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.bad_window_update');
      this.sendWindow += bytes;
      if (this.sendWindow > frames.largestWindow)
        throw new Http2ConnectionError(errorCode.FLOW_CONTROL_ERROR, 'http2.window_overflow');
      this.waiting.send();
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isUnopened(id)) throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.idle_stream');
      return;
    }
    stream.sendWindow += bytes;
    if (bytes === 0 || stream.sendWindow > frames.largestWindow) {
      const code = bytes === 0 ? errorCode.PROTOCOL_ERROR : errorCode.FLOW_CONTROL_ERROR;
      this.#breakStream(stream, new Http2StreamError(code, 'http2.bad_window_update'));
      return;
    }
    this.waiting.sendOf(stream);
  }

  // What is sent

  writeData(id: number, chunk: Buffer, end: boolean): void {
    this.sendWindow -= chunk.length;
    this.#floods.onDataFrame();
    this.transport.writeText(frames.frameHead(chunk.length, frameType.DATA, end ? frameFlag.END_STREAM : 0, id));
    this.transport.write(chunk);
  }

  writeTrailers(stream: Http2Stream, trailers: HeaderMap): void {
    this.encoder.begin();
    this.writeFields(stream, trailers, true);
  }

  /** Sends the fields after those that the encoder has already. */
  protected writeFields({ id, bytes }: Http2Stream, { entries }: HeaderMap, end: boolean): void {
    const { encoder } = this;
    for (let i = 0; i < entries.length; i += 2)
      if (!isConnectionField(entries[i]!)) encoder.field(entries[i]!, entries[i + 1]!);
    const text = frames.headersFrames(id, encoder.finish(), end);
    bytes.sentBlock(text.length, encoder.plainBytes);
    this.transport.writeText(text);
  }

  sendWindowUpdate(id: number, bytes: number): void {
    if (!this.ending) this.transport.writeText(frames.windowUpdateFrame(id, bytes));
  }

  /** Bytes of data were taken: the peer may send as many again. */
  credit(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken * 2 < this.options.connectionWindow) return;
    this.#receiveWindow += this.#taken;
    this.sendWindowUpdate(0, this.#taken);
    this.#taken = 0;
  }

  /** Breaks a stream off; nobody is told here. */
  resetStream(stream: Http2Stream, code: number): void {
    if (stream.closed) return;
    this.#reset(stream.id, code);
    this.forget(stream);
  }

  #reset(id: number, code: number): void {
    this.#resets.add(id);
    if (this.#resets.size > rememberedResets) this.#resets.delete(this.#resets.values().next().value!);
    this.stats.txReset.increment();
    this.#floods.onControlFrame();
    if (!this.ending) this.transport.writeText(frames.resetFrame(id, code));
  }

  /** Refuses a stream that nobody was told of. */
  protected refuseStream(id: number, code: number): void {
    this.#reset(id, code);
  }

  noteTrailers(): void {
    this.stats.trailers.increment();
  }

  protected addStream(stream: Http2Stream): void {
    this.streams.set(stream.id, stream);
    this.stats.streamsActive.increment();
  }

  forget(stream: Http2Stream): void {
    if (!this.streams.delete(stream.id)) return;
    this.stats.streamsActive.decrement();
    this.waiting.forget(stream);
    stream.onForgotten();
    if (this.streams.size === 0 && !this.transport.closed) this.onIdle();
  }

  onDrain(): void {
    this.waiting.onDrain();
  }

  // The end

  /** Says that no further stream is taken after `lastStream`. */
  protected sendGoAway(lastStream: number, code: number): void {
    if (this.ending) return;
    this.stats.goAwaySent.increment();
    this.transport.writeText(frames.goAwayFrame(lastStream, code));
  }

  /** Sends what is left, then ends the connection. */
  close(): void {
    if (!this.ending) this.#end(errorCode.NO_ERROR);
  }

  #end(code: number): void {
    this.sendGoAway(this.lastPeerStream, code);
    this.ending = true;
    this.#linger.begin();
  }

  #breakAll(by: BrokenBy, code: number, details: string): void {
    for (const stream of [...this.streams.values()]) {
      this.forget(stream);
      stream.onBroken(by, code, details);
    }
  }

  #byPeer = false;

  onEnd(): void {
    this.#byPeer = true;
    this.transport.destroy();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.ending = true;
    this.#linger.stop();
    this.#keepAlive?.stop();
    const byPeer = this.#byPeer || error !== undefined;
    this.onClosed(byPeer);
    this.#breakAll('closed', errorCode.NO_ERROR, 'downstream_remote_disconnect');
  }
}
