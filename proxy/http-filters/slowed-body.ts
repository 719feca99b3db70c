/** A response's body that goes out at a bounded rate: a slice every 50 ms, as in Envoy. */
import type { HeaderMap } from '../http/headers.ts';
import type { FilterStream } from './filter.ts';

const sliceMs = 50;

export class SlowedBody {
  readonly #stream: FilterStream;
  readonly #sliceBytes: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #end = false;
  #trailers: HeaderMap | undefined;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  /** When the last slice went out, so that nothing is saved up in pauses. */
  #lastMs = Number.NEGATIVE_INFINITY;

  /** @param limitKbps kibibytes a second */
  constructor(stream: FilterStream, limitKbps: number) {
    this.#stream = stream;
    this.#sliceBytes = Math.max(1, Math.floor((limitKbps * 1024 * sliceMs) / 1000));
  }

  add(chunk: Buffer, end: boolean): void {
    if (chunk.length > 0) this.#waiting.push(Buffer.from(chunk));
    this.#waitingBytes += chunk.length;
    this.#end = end;
    if (this.#waitingBytes > this.#stream.bufferLimit && !this.#paused) {
      this.#paused = true;
      this.#stream.pauseResponse();
    }
    this.#schedule();
  }

  addTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#lastMs + sliceMs - performance.now());
    this.#timer = setTimeout(() => this.#sendSlice(), wait);
  }

  #sendSlice(): void {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    const slice = this.#takeSlice();
    const done = this.#waitingBytes === 0;
    if (this.#paused && this.#waitingBytes <= this.#stream.bufferLimit / 2) {
      this.#paused = false;
      this.#stream.resumeResponse();
    }
    if (slice.length > 0 || (done && this.#end)) this.#stream.sendResponseData(slice, done && this.#end);
    if (!done) this.#schedule();
    else if (this.#trailers !== undefined) this.#stream.sendResponseTrailers(this.#trailers);
  }

  #takeSlice(): Buffer {
    const taken: Buffer[] = [];
    let left = this.#sliceBytes;
    while (left > 0 && this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      if (first.length <= left) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(left);
      const part = first.subarray(0, left);
      taken.push(part);
      left -= part.length;
      this.#waitingBytes -= part.length;
    }
    return taken.length === 1 ? taken[0]! : Buffer.concat(taken);
  }
}
