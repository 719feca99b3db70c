/** A body on its way through a stream of Node's, such as one of zlib: in order, and with no more of it waiting than may be. */
import type { Transform } from 'node:stream';
import type { HeaderMap } from '../http/headers.ts';
import type { FilterStream } from './filter.ts';

/** One direction of a stream, for whoever changes its body. */
export interface BodyWay {
  send(chunk: Buffer, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  pause(): void;
  resume(): void;
}

export const requestWay = (stream: FilterStream): BodyWay => ({
  send: (chunk, end) => stream.sendRequestData(chunk, end),
  sendTrailers: trailers => stream.sendRequestTrailers(trailers),
  pause: () => stream.pauseRequest(),
  resume: () => stream.resumeRequest(),
});

export const responseWay = (stream: FilterStream): BodyWay => ({
  send: (chunk, end) => stream.sendResponseData(chunk, end),
  sendTrailers: trailers => stream.sendResponseTrailers(trailers),
  pause: () => stream.pauseResponse(),
  resume: () => stream.resumeResponse(),
});

/** What happens to a body, for whoever counts. */
export interface BodyObserver {
  /** Bytes that came in. */
  taken(bytes: number): void;
  /** Bytes that went out. */
  given(bytes: number): void;
  /** The trailers that end the body instead of its last bytes, made from those that came, if any did. */
  trailers?(came: HeaderMap | undefined): HeaderMap;
  /** The transform failed; what is sent ends here, as if the body did. */
  failed?(error: NodeJS.ErrnoException): void;
}

const empty = Buffer.alloc(0);

export class TransformedBody {
  readonly #transform: Transform;
  readonly #way: BodyWay;
  readonly #observer: BodyObserver;
  #trailers: HeaderMap | undefined;
  /** More waits for the transform than may. */
  #paused = false;
  /** How many have asked for a pause of what is sent. */
  #congestion = 0;
  /** What comes is thrown away. */
  #failed = false;
  /** The end was passed on, or nothing is to be. */
  #sent = false;

  constructor(transform: Transform, way: BodyWay, observer: BodyObserver) {
    this.#transform = transform;
    this.#way = way;
    this.#observer = observer;
    transform.on('data', (chunk: Buffer) => {
      observer.given(chunk.length);
      way.send(chunk, false);
    });
    transform.on('drain', () => this.#resume());
    transform.on('end', () => this.#end());
    transform.on('error', (error: NodeJS.ErrnoException) => this.#fail(error));
  }

  add(chunk: Buffer, end: boolean): void {
    this.#observer.taken(chunk.length);
    if (this.#failed) {
      if (end) this.#end();
      return;
    }
    // A chunk is valid during the call only.
    if (chunk.length > 0 && !this.#transform.write(Buffer.from(chunk))) this.#pause();
    if (end) this.#transform.end();
  }

  addTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers;
    if (this.#failed) this.#end();
    else this.#transform.end();
  }

  congested(congested: boolean): void {
    this.#congestion += congested ? 1 : -1;
    if (this.#congestion > 0) this.#transform.pause();
    else this.#transform.resume();
  }

  /** Frees what the transform holds; nothing is sent any more. */
  stop(): void {
    this.#sent = true;
    this.#transform.destroy();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#way.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#way.resume();
  }

  /** What came after the failure is thrown away, so that whoever sends can finish. */
  #fail(error: NodeJS.ErrnoException): void {
    if (this.#sent) return;
    this.#failed = true;
    this.#observer.failed?.(error);
    this.#resume();
    if (this.#transform.writableEnded) this.#end();
  }

  #end(): void {
    if (this.#sent) return;
    this.#sent = true;
    const trailers = this.#observer.trailers?.(this.#trailers) ?? this.#trailers;
    if (trailers === undefined) this.#way.send(empty, true);
    else this.#way.sendTrailers(trailers);
  }
}
