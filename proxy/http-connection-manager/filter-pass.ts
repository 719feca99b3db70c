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

/** What waits for a filter to let it pass. */
class Held {
  readonly chunks: Buffer[] = [];
  bytes = 0;
  end = false;
  trailers: HeaderMap | undefined;
  /** The sender was asked to pause. */
  paused = false;
}

/** Filters by their places in the configuration, a bit for each; the last bit stands for all places from there on. */
export type PlaceSet = number;
export const everyPlace: PlaceSet = -1;

export const placeBit = (place: number): PlaceSet => 1 << Math.min(place, 31);

/** All places up to this one, it too. */
export const placesUpTo = (place: number): PlaceSet => (place >= 31 ? everyPlace : (1 << (place + 1)) - 1);

const contains = (set: PlaceSet, place: number): boolean => (set & placeBit(place)) !== 0;

/** Who of the filters has something to do; the others are not asked, since a call of one of ten classes is none that V8 can foresee. */
export interface Concerned {
  heads: PlaceSet;
  bodies: PlaceSet;
}

const everybody: Concerned = { heads: everyPlace, bodies: everyPlace };

export abstract class FilterPass<Head> {
  /** In the order of the configuration. */
  readonly #filters: readonly StreamFilter[];
  readonly #behind: PassEnd<Head>;
  readonly #limit: number;
  readonly #concerned: Concerned;
  readonly #backwards: boolean;
  #head: Head | undefined;
  #headEnds = false;
  /** The first filter that has not let the head pass yet. */
  #at = 0;
  /** What that filter said. */
  #verdict: Verdict = 'continue';
  #held: Held | undefined;
  #closed = false;

  /**
   * @param limit bytes that may wait before the sender is asked to pause
   * @param backwards from the last filter to the first
   */
  constructor(
    filters: readonly StreamFilter[],
    behind: PassEnd<Head>,
    limit: number,
    concerned: Concerned = everybody,
    backwards = false,
  ) {
    this.#filters = filters;
    this.#behind = behind;
    this.#limit = limit;
    this.#concerned = concerned;
    this.#backwards = backwards;
  }

  /** Where the filter stands that is the so manyth in this direction; the other way round, too. */
  #place(position: number): number {
    return this.#backwards ? this.#filters.length - 1 - position : position;
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
    const position = this.#place(place);
    if (this.#closed || this.#at !== position || this.#verdict === 'continue') return;
    // What a filter collected it has seen already; what was stopped before it, it has not.
    const from = this.#verdict === 'collect' ? position + 1 : position;
    this.#verdict = 'continue';
    const held = this.#held;
    this.#held = undefined;
    if (body !== undefined) this.#headEnds = false;
    this.#advance(position + 1);
    if (body !== undefined) this.#dataFrom(position + 1, body, end);
    if (held === undefined) return;
    for (const [i, chunk] of held.chunks.entries())
      this.#dataFrom(from, chunk, held.end && i === held.chunks.length - 1);
    if (held.trailers !== undefined) this.#trailersFrom(from, held.trailers);
    if (held.paused && !this.#isPaused && !this.#closed) this.#behind.resume();
  }

  /** More of the body from the filter at this place. */
  send(place: number, chunk: Buffer, end: boolean): void {
    this.#dataFrom(this.#place(place) + 1, chunk, end);
  }

  sendTrailers(place: number, trailers: HeaderMap): void {
    this.#trailersFrom(this.#place(place) + 1, trailers);
  }

  /** Nothing passes any more. */
  close(): void {
    this.#closed = true;
    this.#held = undefined;
  }

  #advance(from: number): void {
    const filters = this.#filters;
    const head = this.#head!;
    for (let i = from; i < filters.length; i++) {
      const place = this.#place(i);
      if (!contains(this.#concerned.heads, place)) continue;
      this.#at = i;
      const verdict = this.headTo(filters[place]!, head, this.#headEnds);
      if (this.#closed) return;
      this.#verdict = verdict;
      if (verdict !== 'continue') return;
    }
    this.#at = filters.length;
    this.#behind.head(head, this.#headEnds);
  }

  #dataFrom(position: number, chunk: Buffer, end: boolean): void {
    const filters = this.#filters;
    let passed: Passed = chunk;
    for (let i = position; i < filters.length; i++) {
      if (this.#closed) return;
      if (i === this.#at && this.#verdict === 'stop') {
        this.#hold(passed as Buffer, end);
        return;
      }
      const place = this.#place(i);
      if (!contains(this.#concerned.bodies, place)) continue;
      passed = this.dataTo(filters[place]!, passed as Buffer, end);
      if (passed === 'hold') return;
    }
    if (!this.#closed && (end || passed.length > 0)) this.#behind.data(passed as Buffer, end);
  }

  get #isPaused(): boolean {
    return this.#held?.paused === true;
  }

  #hold(chunk: Buffer, end: boolean): void {
    this.#held ??= new Held();
    const held = this.#held;
    held.chunks.push(Buffer.from(chunk));
    held.bytes += chunk.length;
    held.end = end;
    if (held.bytes <= this.#limit || held.paused) return;
    held.paused = true;
    this.#behind.pause();
  }

  #trailersFrom(position: number, trailers: HeaderMap): void {
    const filters = this.#filters;
    for (let i = position; i < filters.length; i++) {
      if (this.#closed) return;
      if (i === this.#at && this.#verdict === 'stop') {
        this.#holdTrailers(trailers);
        return;
      }
      const passed = this.trailersTo(filters[this.#place(i)]!, trailers);
      if (i === this.#at && this.#verdict === 'collect') {
        this.#holdTrailers(trailers);
        return;
      }
      if (passed === 'hold') return;
    }
    if (!this.#closed) this.#behind.trailers(trailers);
  }

  #holdTrailers(trailers: HeaderMap): void {
    this.#held ??= new Held();
    this.#held.trailers = trailers;
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
