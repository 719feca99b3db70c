/** Takes the body of an HTTP/1 message off the wire: by length, in chunks, or until the connection ends. */

import { CodecError, type HeadLimits } from '../http/codec.ts';
import { HeaderMap } from '../http/headers.ts';
import { latin1 } from '../net/latin1.ts';
import { fieldValue } from './characters.ts';
import { HeadParser, incomplete, isBlank } from './head-parser.ts';

/** Gets the body. Chunks are valid during the call only. */
export interface BodySink {
  onBody(chunk: Buffer, end: boolean): void;
  onBodyTrailers(trailers: HeaderMap): void;
}

export const emptyChunk = Buffer.alloc(0);

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

type State =
  | 'done'
  | 'length'
  | 'until-close'
  | 'size'
  | 'size-blank'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailers';

/** Largest count of hexadecimal digits of a chunk's size, and of bytes in its extensions. */
const maximumSizeDigits = 12;
const maximumExtension = 4096;

export class BodyDecoder {
  readonly #sink: BodySink;
  readonly #limits: HeadLimits;
  #state: State = 'done';
  #remaining = 0;
  #digits = 0;
  #extension = 0;
  #trailers = '';

  constructor(sink: BodySink, limits: HeadLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  startLength(length: number): void {
    this.#remaining = length;
    this.#state = length === 0 ? 'done' : 'length';
  }

  startChunked(): void {
    this.#state = 'size';
    this.#remaining = 0;
    this.#digits = 0;
    this.#extension = 0;
    this.#trailers = '';
  }

  startUntilClose(): void {
    this.#state = 'until-close';
  }

  /** The connection ended: true where that ends the body too. */
  finish(): boolean {
    if (this.#state !== 'until-close') return false;
    this.#state = 'done';
    this.#sink.onBody(emptyChunk, true);
    return true;
  }

  stop(): void {
    this.#state = 'done';
  }

  /** Takes what belongs to the body from `chunk[at…]`; the offset behind it. */
  feed(chunk: Buffer, at: number): number {
    let i = at;
    while (i < chunk.length && this.#state !== 'done') {
      switch (this.#state) {
        case 'length':
          i = this.#takeLength(chunk, i);
          break;
        case 'until-close':
          this.#sink.onBody(i === 0 ? chunk : chunk.subarray(i), false);
          return chunk.length;
        case 'data':
          i = this.#takeData(chunk, i);
          break;
        case 'trailers':
          i = this.#takeTrailers(chunk, i);
          break;
        default:
          this.#step(chunk[i++]!);
      }
    }
    return i;
  }

  #takeLength(chunk: Buffer, from: number): number {
    const available = chunk.length - from;
    const size = Math.min(available, this.#remaining);
    this.#remaining -= size;
    const end = this.#remaining === 0;
    if (end) this.#state = 'done';
    this.#sink.onBody(size === chunk.length ? chunk : chunk.subarray(from, from + size), end);
    return from + size;
  }

  #takeData(chunk: Buffer, from: number): number {
    const size = Math.min(chunk.length - from, this.#remaining);
    this.#remaining -= size;
    if (this.#remaining === 0) this.#state = 'data-cr';
    this.#sink.onBody(chunk.subarray(from, from + size), false);
    return from + size;
  }

  /** One byte of what stands around the data of chunks. */
  #step(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#stepSize(byte);
        return;
      case 'size-blank':
        this.#stepBlank(byte);
        return;
      case 'extension':
        this.#stepExtension(byte);
        return;
      case 'size-lf':
        expect(byte, LF);
        this.#digits = 0;
        this.#extension = 0;
        this.#state = this.#remaining === 0 ? 'trailers' : 'data';
        return;
      case 'data-cr':
        expect(byte, CR);
        this.#state = 'data-lf';
        return;
      case 'data-lf':
        expect(byte, LF);
        this.#state = 'size';
        return;
      default:
        throw broken();
    }
  }

  #stepSize(byte: number): void {
    const digit = hexadecimal(byte);
    if (digit >= 0) {
      if (++this.#digits > maximumSizeDigits) throw broken();
      this.#remaining = this.#remaining * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw broken();
    this.#stepBlank(byte);
  }

  /** Behind the size blanks, then the line's end or extensions; digits once more would be another size. */
  #stepBlank(byte: number): void {
    if (byte === CR) this.#state = 'size-lf';
    else if (byte === SEMICOLON) this.#state = 'extension';
    else if (isBlank(byte) && ++this.#extension <= maximumExtension) this.#state = 'size-blank';
    else throw broken();
  }

  #stepExtension(byte: number): void {
    if (byte === CR) this.#state = 'size-lf';
    else if (!fieldValue[byte] || ++this.#extension > maximumExtension) throw broken();
  }

  #takeTrailers(chunk: Buffer, from: number): number {
    const text = this.#trailers + latin1(chunk, from, chunk.length);
    const parser = new HeadParser(this.#limits);
    const end = parser.parseTrailers(text, 0);
    if (end === incomplete) {
      this.#trailers = text;
      return chunk.length;
    }
    const consumed = end - this.#trailers.length;
    this.#state = 'done';
    if (parser.entries.length === 0) this.#sink.onBody(emptyChunk, true);
    else {
      const trailers = new HeaderMap();
      trailers.entries = parser.entries;
      this.#sink.onBodyTrailers(trailers);
    }
    return from + consumed;
  }
}

function hexadecimal(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw broken();
}

function broken(): CodecError {
  return new CodecError(400, 'http1.codec_error');
}
