/** Takes a connection's bytes apart into frames, however they come. */
import { errorCode, Http2ConnectionError } from './errors.ts';
import { defaultFrameSize, frameFlag, frameHeadBytes, frameType } from './frames.ts';

/** What is done with frames. Buffers are valid during the call only. */
export interface FrameSink {
  /** A frame begins: throws where it may not come now. */
  onFrameHead(type: number, flags: number, stream: number, length: number): void;
  /** Bytes of a DATA frame, without padding, as they come; `last`: the frame ends with them. */
  onDataBytes(stream: number, chunk: Buffer, last: boolean, flags: number): void;
  /** Every other frame, whole: its payload stands in `buffer` from `start` to `end`. */
  onFrame(type: number, flags: number, stream: number, buffer: Buffer, start: number, end: number): void;
}

const nothing = Buffer.alloc(0);

export class FrameReader {
  readonly #sink: FrameSink;
  /** A frame's head that came in pieces. */
  readonly #partialHead = Buffer.alloc(frameHeadBytes);
  #headBytes = 0;
  #partial: Buffer | undefined;
  #partialBytes = 0;
  #length = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Bytes of the present DATA frame that are still to come, and those after them that are padding. */
  #dataLeft = 0;
  #paddingLeft = 0;
  #padded = false;
  #inPayload = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws Http2ConnectionError for a frame of a wrong size, and whatever the sink throws */
  read(chunk: Buffer, from: number): void {
    let at = from;
    while (at < chunk.length) {
      if (!this.#inPayload) at = this.#readHead(chunk, at);
      else if (this.#type === frameType.DATA) at = this.#readData(chunk, at);
      else at = this.#readWhole(chunk, at);
    }
  }

  #readHead(chunk: Buffer, at: number): number {
    const head = this.#partialHead;
    if (this.#headBytes === 0 && chunk.length - at >= frameHeadBytes) {
      this.#begin(chunk, at);
      return at + frameHeadBytes;
    }
    const taken = Math.min(frameHeadBytes - this.#headBytes, chunk.length - at);
    chunk.copy(head, this.#headBytes, at, at + taken);
    this.#headBytes += taken;
    if (this.#headBytes === frameHeadBytes) {
      this.#headBytes = 0;
      this.#begin(head, 0);
    }
    return at + taken;
  }

  #begin(from: Buffer, at: number): void {
    const length = (from[at]! << 16) | (from[at + 1]! << 8) | from[at + 2]!;
    const type = from[at + 3]!;
    const flags = from[at + 4]!;
    const stream = ((from[at + 5]! & 127) << 24) | (from[at + 6]! << 16) | (from[at + 7]! << 8) | from[at + 8]!;
    if (length > defaultFrameSize) throw new Http2ConnectionError(errorCode.FRAME_SIZE_ERROR, 'http2.frame_too_large');
    this.#sink.onFrameHead(type, flags, stream, length);
    this.#length = length;
    this.#type = type;
    this.#flags = flags;
    this.#stream = stream;
    this.#padded = type === frameType.DATA && (flags & frameFlag.PADDED) !== 0;
    this.#dataLeft = length;
    this.#paddingLeft = 0;
    this.#inPayload = length > 0;
    if (length > 0) return;
    if (this.#padded) throw new Http2ConnectionError(errorCode.FRAME_SIZE_ERROR, 'http2.bad_padding');
    if (type === frameType.DATA) this.#sink.onDataBytes(stream, nothing, true, flags);
    else this.#sink.onFrame(type, flags, stream, nothing, 0, 0);
  }

  #readData(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#padded) {
      this.#padded = false;
      this.#paddingLeft = chunk[at++]!;
      this.#dataLeft -= 1 + this.#paddingLeft;
      if (this.#dataLeft < 0) throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.bad_padding');
    }
    const data = Math.min(this.#dataLeft, chunk.length - at);
    this.#dataLeft -= data;
    const padding = Math.min(this.#paddingLeft, chunk.length - at - data);
    this.#paddingLeft -= padding;
    const last = this.#dataLeft === 0 && this.#paddingLeft === 0;
    if (last) this.#inPayload = false;
    if (data > 0 || last) {
      const bytes = data === 0 ? nothing : chunk.subarray(at, at + data);
      this.#sink.onDataBytes(this.#stream, bytes, last, this.#flags);
    }
    return at + data + padding;
  }

  #readWhole(chunk: Buffer, at: number): number {
    const length = this.#length;
    if (this.#partial === undefined && chunk.length - at >= length) {
      this.#inPayload = false;
      this.#sink.onFrame(this.#type, this.#flags, this.#stream, chunk, at, at + length);
      return at + length;
    }
    this.#partial ??= Buffer.allocUnsafe(length);
    const taken = Math.min(length - this.#partialBytes, chunk.length - at);
    chunk.copy(this.#partial, this.#partialBytes, at, at + taken);
    this.#partialBytes += taken;
    if (this.#partialBytes < length) return at + taken;
    const whole = this.#partial;
    this.#partial = undefined;
    this.#partialBytes = 0;
    this.#inPayload = false;
    this.#sink.onFrame(this.#type, this.#flags, this.#stream, whole, 0, length);
    return at + taken;
  }
}
