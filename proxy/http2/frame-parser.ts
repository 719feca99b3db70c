/** Says what frames mean, as far as each can be told by itself: their sizes, padding, and the order of a block's pieces. */
import { latin1 } from '../net/latin1.ts';
import { errorCode, Http2ConnectionError } from './errors.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { frameFlag, frameHeadBytes, frameType, largestWindow } from './frames.ts';

/** Buffers are valid during the call only. */
export interface FrameEvents {
  /** A frame begins, of whatever type. */
  onFrame(type: number, flags: number, length: number): void;
  /** A DATA frame begins; `length` bytes with its padding. */
  onDataFrame(stream: number, length: number): void;
  /** Bytes of that frame as they come; `last`: the frame ends with them, `end`: and so does the stream. */
  onDataBytes(chunk: Buffer, last: boolean, end: boolean): void;
  /** A whole block of fields, from `from` to `to`, that came in frames of `frameBytes`. */
  onBlock(stream: number, end: boolean, block: Buffer, from: number, to: number, frameBytes: number): void;
  onReset(stream: number, code: number): void;
  /** Pairs of a setting and its value. */
  onSettings(values: readonly (readonly [number, number])[]): void;
  /** @param opaque eight bytes */
  onPing(opaque: string, ack: boolean): void;
  onGoAway(lastStream: number, code: number): void;
  /** @param stream 0: of the connection */
  onWindowUpdate(stream: number, bytes: number): void;
}

function protocolError(details: string): Http2ConnectionError {
  return new Http2ConnectionError(errorCode.PROTOCOL_ERROR, details);
}

export class FrameParser implements FrameSink {
  readonly #events: FrameEvents;
  readonly #reader = new FrameReader(this);
  readonly #mostBlockBytes: number;
  #settingsSeen = false;
  /** Of the block whose pieces are coming: its stream (0: none), whether it ends the stream, and what came. */
  #blockStream = 0;
  #blockEnds = false;
  #block: Buffer | undefined;
  /** Of the frames that it came in. */
  #blockFrameBytes = 0;

  /** @param mostBlockBytes that a block of fields may have where it comes in pieces */
  constructor(events: FrameEvents, mostBlockBytes: number) {
    this.#events = events;
    this.#mostBlockBytes = mostBlockBytes;
  }

  /** @throws Http2ConnectionError for a frame that is none, and whatever the events throw */
  read(chunk: Buffer, from: number): void {
    this.#reader.read(chunk, from);
  }

  onFrameHead(type: number, flags: number, stream: number, length: number): void {
    if (!this.#settingsSeen && (type !== frameType.SETTINGS || (flags & frameFlag.ACK) !== 0))
      throw protocolError('http2.no_settings');
    if (this.#blockStream !== 0 && (type !== frameType.CONTINUATION || stream !== this.#blockStream))
      throw protocolError('http2.headers_interrupted');
    this.#events.onFrame(type, flags, length);
    if (isOfStream(type) && stream === 0) throw protocolError('http2.bad_stream');
    if (isOfConnection(type) && stream !== 0) throw protocolError('http2.bad_stream');
    const expected = fixedLengths[type];
    if (expected !== undefined && length !== expected)
      throw new Http2ConnectionError(errorCode.FRAME_SIZE_ERROR, 'http2.bad_frame_size');
    if (type === frameType.DATA) this.#events.onDataFrame(stream, length);
  }

  onDataBytes(_stream: number, chunk: Buffer, last: boolean, flags: number): void {
    this.#events.onDataBytes(chunk, last, last && (flags & frameFlag.END_STREAM) !== 0);
  }

  onFrame(type: number, flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case frameType.HEADERS:
        this.#onHeaders(flags, stream, buffer, start, end);
        break;
      case frameType.CONTINUATION:
        this.#onContinuation(flags, buffer, start, end);
        break;
      case frameType.PRIORITY:
        checkDependency(stream, buffer, start);
        break;
      case frameType.RST_STREAM:
        this.#events.onReset(stream, buffer.readUInt32BE(start));
        break;
      case frameType.SETTINGS:
        this.#onSettings(flags, buffer, start, end);
        break;
      case frameType.PUSH_PROMISE:
        throw protocolError('http2.push');
      case frameType.PING:
        this.#events.onPing(latin1(buffer, start, end), (flags & frameFlag.ACK) !== 0);
        break;
      case frameType.GOAWAY:
        if (end - start < 8) throw new Http2ConnectionError(errorCode.FRAME_SIZE_ERROR, 'http2.bad_frame_size');
        this.#events.onGoAway(buffer.readUInt32BE(start) & largestWindow, buffer.readUInt32BE(start + 4));
        break;
      case frameType.WINDOW_UPDATE:
        this.#events.onWindowUpdate(stream, buffer.readUInt32BE(start) & largestWindow);
        break;
      default:
      // What is not known is overlooked.
    }
  }

  #onHeaders(flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    let from = start;
    let to = end;
    if ((flags & frameFlag.PADDED) !== 0) {
      if (from >= to) throw new Http2ConnectionError(errorCode.FRAME_SIZE_ERROR, 'http2.bad_padding');
      to -= buffer[from++]!;
    }
    if ((flags & frameFlag.PRIORITY) !== 0) {
      if (from + 5 > end) throw new Http2ConnectionError(errorCode.FRAME_SIZE_ERROR, 'http2.bad_frame_size');
      checkDependency(stream, buffer, from);
      from += 5;
    }
    if (from > to) throw protocolError('http2.bad_padding');
    const ends = (flags & frameFlag.END_STREAM) !== 0;
    this.#blockFrameBytes = frameHeadBytes + end - start;
    if ((flags & frameFlag.END_HEADERS) !== 0) {
      this.#events.onBlock(stream, ends, buffer, from, to, this.#blockFrameBytes);
      return;
    }
    this.#blockStream = stream;
    this.#blockEnds = ends;
    this.#block = Buffer.from(buffer.subarray(from, to));
  }

  #onContinuation(flags: number, buffer: Buffer, start: number, end: number): void {
    const before = this.#block;
    if (before === undefined) throw protocolError('http2.bad_continuation');
    if (before.length + end - start > this.#mostBlockBytes)
      throw new Http2ConnectionError(errorCode.ENHANCE_YOUR_CALM, 'http2.headers_too_large');
    const block = Buffer.concat([before, buffer.subarray(start, end)]);
    this.#block = block;
    this.#blockFrameBytes += frameHeadBytes + end - start;
    if ((flags & frameFlag.END_HEADERS) === 0) return;
    const stream = this.#blockStream;
    this.#block = undefined;
    this.#blockStream = 0;
    this.#events.onBlock(stream, this.#blockEnds, block, 0, block.length, this.#blockFrameBytes);
  }

  #onSettings(flags: number, buffer: Buffer, start: number, end: number): void {
    const ack = (flags & frameFlag.ACK) !== 0;
    if ((end - start) % 6 !== 0 || (ack && end > start))
      throw new Http2ConnectionError(errorCode.FRAME_SIZE_ERROR, 'http2.bad_frame_size');
    if (ack) return;
    this.#settingsSeen = true;
    const values: [number, number][] = [];
    for (let at = start; at < end; at += 6) values.push([buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2)]);
    this.#events.onSettings(values);
  }
}

/** Bytes of payload, where there is no choice. */
const fixedLengths: Readonly<Record<number, number>> = {
  [frameType.PRIORITY]: 5,
  [frameType.RST_STREAM]: 4,
  [frameType.PING]: 8,
  [frameType.WINDOW_UPDATE]: 4,
};

function isOfStream(type: number): boolean {
  return type <= frameType.RST_STREAM || type === frameType.PUSH_PROMISE || type === frameType.CONTINUATION;
}

function isOfConnection(type: number): boolean {
  return type === frameType.SETTINGS || type === frameType.PING || type === frameType.GOAWAY;
}

/** Priorities are not used, but none can depend on itself. */
function checkDependency(stream: number, buffer: Buffer, at: number): void {
  if ((buffer.readUInt32BE(at) & largestWindow) === stream) throw protocolError('http2.self_dependency');
}
