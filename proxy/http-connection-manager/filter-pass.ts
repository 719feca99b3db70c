/** One direction of a stream on its way through the filters. */
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { Passed, PassedTrailers, StreamFilter, Verdict } from '../http-filters/filter.ts';

/** What stands behind the last filter. */
export interface PassEnd<Head> {
  head(head: Head, end: boolean): void;
  data(chunk: Buffer, end: boolean): void;
  trailers(trailers: HeaderMap): void;
  /** Too much waits: the sender should pause. */
  pause(): void;
  resume(): void;
}

export abstract class FilterPass<Head> {
  /** In the order of this direction. */
  readonly #filters: readonly StreamFilter[];
  readonly #behind: PassEnd<Head>;
  readonly #limit: number;
  #head: Head | undefined;
  #headEnds = false;
  /** The first filter that has not let the head pass yet. */
  #at = 0;
  /** What that filter said. */
  #verdict: Verdict = 'continue';
  #held: Buffer[] = [];
  #heldBytes = 0;
  #heldEnd = false;
  #heldTrailers: HeaderMap | undefined;
  #paused = false;
  #closed = false;

  /** @param limit bytes that may wait before the sender is asked to pause */
  constructor(filters: readonly StreamFilter[], behind: PassEnd<Head>, limit: number) {
    this.#filters = filters;
    this.#behind = behind;
    this.#limit = limit;
  }

  protected abstract headTo(filter: StreamFilter, head: Head, end: boolean): Verdict;
  protected abstract dataTo(filter: StreamFilter, chunk: Buffer, end: boolean): Passed;
  protected abstract trailersTo(filter: StreamFilter, trailers: HeaderMap): PassedTrailers;

  /** A head has come. */
  get begun(): boolean {
    return this.#head !== undefined;
  }

  /** The head is through all filters. */
  get through(): boolean {
    return this.begun && this.#at === this.#filters.length;
  }

  head(head: Head, end: boolean): void {
    this.#head = head;
    this.#headEnds = end;
    this.#advance(0);
  }

  data(chunk: Buffer, end: boolean): void {
    this.#dataFrom(0, chunk, end);
  }

  trailers(trailers: HeaderMap): void {
    this.#trailersFrom(0, trailers);
  }

  /** The filter at this place lets the head pass, and then the body that it collected. */
  proceed(place: number, body?: Buffer, end = false): void {
    if (this.#closed || this.#at !== place || this.#verdict === 'continue') return;
    // What a filter collected it has seen already; what was stopped before it, it has not.
    const from = this.#verdict === 'collect' ? place + 1 : place;
    this.#verdict = 'continue';
    const held = this.#takeHeld();
    if (body !== undefined) this.#headEnds = false;
    this.#advance(place + 1);
    if (body !== undefined) this.#dataFrom(place + 1, body, end);
    for (const [i, chunk] of held.chunks.entries())
      this.#dataFrom(from, chunk, held.end && i === held.chunks.length - 1);
    if (held.trailers !== undefined) this.#trailersFrom(from, held.trailers);
    if (held.paused && !this.#paused && !this.#closed) this.#behind.resume();
  }

  /** More of the body from the filter at this place. */
  send(place: number, chunk: Buffer, end: boolean): void {
    this.#dataFrom(place + 1, chunk, end);
  }

  sendTrailers(place: number, trailers: HeaderMap): void {
    this.#trailersFrom(place + 1, trailers);
  }

  /** Nothing passes any more. */
  close(): void {
    this.#closed = true;
    this.#held = [];
  }

  #advance(from: number): void {
    const filters = this.#filters;
    const head = this.#head!;
    for (let i = from; i < filters.length; i++) {
      this.#at = i;
      const verdict = this.headTo(filters[i]!, head, this.#headEnds);
      if (this.#closed) return;
      this.#verdict = verdict;
      if (verdict !== 'continue') return;
    }
    this.#at = filters.length;
    this.#behind.head(head, this.#headEnds);
  }

  #dataFrom(place: number, chunk: Buffer, end: boolean): void {
    const filters = this.#filters;
    let passed: Passed = chunk;
    for (let i = place; i < filters.length; i++) {
      if (this.#closed) return;
      if (i === this.#at && this.#verdict === 'stop') {
        this.#hold(passed as Buffer, end);
        return;
      }
      passed = this.dataTo(filters[i]!, passed as Buffer, end);
      if (passed === 'hold') return;
    }
    if (!this.#closed && (end || passed.length > 0)) this.#behind.data(passed as Buffer, end);
  }

  #hold(chunk: Buffer, end: boolean): void {
    this.#held.push(Buffer.from(chunk));
    this.#heldBytes += chunk.length;
    this.#heldEnd = end;
    if (this.#heldBytes <= this.#limit || this.#paused) return;
    this.#paused = true;
    this.#behind.pause();
  }

  #takeHeld() {
    const held = { chunks: this.#held, end: this.#heldEnd, trailers: this.#heldTrailers, paused: this.#paused };
    this.#held = [];
    this.#heldBytes = 0;
    this.#heldEnd = false;
    this.#heldTrailers = undefined;
    this.#paused = false;
    return held;
  }

  #trailersFrom(place: number, trailers: HeaderMap): void {
    const filters = this.#filters;
    for (let i = place; i < filters.length; i++) {
      if (this.#closed) return;
      if (i === this.#at && this.#verdict === 'stop') {
        this.#heldTrailers = trailers;
        return;
      }
      const passed = this.trailersTo(filters[i]!, trailers);
      if (i === this.#at && this.#verdict === 'collect') {
        this.#heldTrailers = trailers;
        return;
      }
      if (passed === 'hold') return;
    }
    if (!this.#closed) this.#behind.trailers(trailers);
  }
}

export class RequestPass extends FilterPass<RequestHeaders> {
  protected headTo(filter: StreamFilter, head: RequestHeaders, end: boolean): Verdict {
    return filter.onRequestHead(head, end);
  }

  protected dataTo(filter: StreamFilter, chunk: Buffer, end: boolean): Passed {
    return filter.onRequestData(chunk, end);
  }

  protected trailersTo(filter: StreamFilter, trailers: HeaderMap): PassedTrailers {
    return filter.onRequestTrailers(trailers);
  }
}

export class ResponsePass extends FilterPass<ResponseHeaders> {
  protected headTo(filter: StreamFilter, head: ResponseHeaders, end: boolean): Verdict {
    return filter.onResponseHead(head, end);
  }

  protected dataTo(filter: StreamFilter, chunk: Buffer, end: boolean): Passed {
    return filter.onResponseData(chunk, end);
  }

  protected trailersTo(filter: StreamFilter, trailers: HeaderMap): PassedTrailers {
    return filter.onResponseTrailers(trailers);
  }
}
