/** A body that goes on no faster than a bucket of bytes fills: what there is at once, the rest by and by, as in Envoy. */
import type { HeaderMap } from '../http/headers.ts';
import type { ByteBucket } from '../rate-limit/byte-bucket.ts';
import type { BodyWay } from './transformed-body.ts';

/** How often Envoy looks where nothing else is said. */
export const usualIntervalMs = 50;

/** What happens to the body, for whoever counts. */
export interface SlowedBodyObserver {
  /** Bytes that go on, and whether others have to wait. */
  sent(bytes: number, waits: boolean): void;
  /** All of it went on; its trailers go next, where it has some. */
  done(): void;
}

export interface SlowedBodyOptions {
  bucket: ByteBucket;
  intervalMs: number;
  /** Bytes that may wait before the sender is asked to pause. */
  bufferLimit: number;
  observer?: SlowedBodyObserver;
}

export class SlowedBody {
  readonly #way: BodyWay;
  readonly #options: SlowedBodyOptions;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #end = false;
  #trailers: HeaderMap | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #paused = false;

  constructor(way: BodyWay, options: SlowedBodyOptions) {
    this.#way = way;
    this.#options = options;
  }

  /** @param trailers to end with in place of the chunk */
  add(chunk: Buffer, end: boolean, trailers?: HeaderMap): void {
    if (chunk.length > 0) this.#waiting.push(Buffer.from(chunk));
    this.#waitingBytes += chunk.length;
    this.#end = end;
    this.#trailers = trailers;
    if (this.#waitingBytes > this.#options.bufferLimit && !this.#paused) {
      this.#paused = true;
      this.#way.pause();
    }
    this.#schedule();
  }

  addTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    this.#waiting = [];
  }

  /** Not from within the call that brings it: what goes on then may end the stream. */
  #schedule(): void {
    if (this.#timer === undefined) this.#soon ??= setImmediate(() => this.#sendSlice());
  }

  #sendSlice(): void {
    this.#timer = undefined;
    this.#soon = undefined;
    const slice = this.#takeSlice(this.#options.bucket.take(this.#waitingBytes));
    const waits = this.#waitingBytes > 0;
    this.#options.observer?.sent(slice.length, waits);
    if (waits) this.#timer = setTimeout(() => this.#sendSlice(), this.#options.intervalMs);
    if (this.#paused && this.#waitingBytes <= this.#options.bufferLimit / 2) {
      this.#paused = false;
      this.#way.resume();
    }
    const trailers = waits ? undefined : this.#trailers;
    const ends = this.#end && !waits && trailers === undefined;
    if (ends) this.#options.observer?.done();
    if (slice.length > 0 || ends) this.#way.send(slice, ends);
    if (trailers === undefined) return;
    this.#options.observer?.done();
    this.#way.sendTrailers(trailers);
  }

  #takeSlice(bytes: number): Buffer {
    const taken: Buffer[] = [];
    let left = bytes;
    while (left > 0) {
      const first = this.#waiting[0]!;
      if (first.length <= left) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(left);
      const part = first.subarray(0, left);
      taken.push(part);
      left -= part.length;
    }
    this.#waitingBytes -= bytes;
    return taken.length === 1 ? taken[0]! : Buffer.concat(taken);
  }
}
