/** The filters of one stream, and what passes through them. */
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { type FilterFactory, type FilterStream, StreamFilter } from '../http-filters/filter.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { StreamInfo } from '../stream-info.ts';
import {
  type Concerned,
  type PassEnd,
  type PlaceSet,
  placeBit,
  placesUpTo,
  RequestPass,
  ResponsePass,
} from './filter-pass.ts';

/** A filter of the chain, as the connection manager's configuration names it. */
export interface ChainedFilter {
  name: string;
  /** In the list where it is written. */
  index: number;
  /** Left out unless a route switches it on. */
  disabled: boolean;
  create: FilterFactory;
  /** What its filters care for; undefined until the first one was made. */
  interests?: Interests;
}

/** Which methods a filter has of its own. */
interface Interests {
  requestHead: boolean;
  requestData: boolean;
  responseHead: boolean;
  responseData: boolean;
  end: boolean;
}

function interestsOf(filter: StreamFilter): Interests {
  const { prototype: none } = StreamFilter;
  return {
    requestHead: filter.onRequestHead !== none.onRequestHead,
    requestData: filter.onRequestData !== none.onRequestData,
    responseHead: filter.onResponseHead !== none.onResponseHead,
    responseData: filter.onResponseData !== none.onResponseData,
    end: filter.onStreamEnd !== none.onStreamEnd,
  };
}

/** The stream that filters are made for. */
export interface FilteredStream {
  readonly info: StreamInfo;
  readonly requestHeaders: RequestHeaders;
  readonly route: RouteEntry | undefined;
  readonly bufferLimit: number;
  random(): number;
  elapsedMs(): number;
  clearRoute(): void;
  demandRoute(onDone: () => void): (() => void) | undefined;
  localReply(status: number, body: string, details: string, adjust?: (head: ResponseHeaders) => void): void;
  answer(head: ResponseHeaders, body: string, details: string): void;
  recreate(response: ResponseHeaders, body: Buffer): void;
  refuseBody(): void;
  /** Breaks the response off in the middle. */
  abort(): void;
  /** Behind the last filter: the router. */
  routeHead(head: RequestHeaders, end: boolean): void;
  routeData(chunk: Buffer, end: boolean): void;
  routeTrailers(trailers: HeaderMap): void;
  /** `byFilter`: not because of what the filters send, which those before it would have to know. */
  pauseRequest(byFilter: boolean): void;
  resumeRequest(byFilter: boolean): void;
  /** Before the first one: the client. */
  sendHead(head: ResponseHeaders, end: boolean): void;
  sendData(chunk: Buffer, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  pauseResponse(): void;
  resumeResponse(): void;
}

/** Behind the last filter. */
class RouterEnd implements PassEnd<RequestHeaders> {
  readonly #stream: FilteredStream;

  constructor(stream: FilteredStream) {
    this.#stream = stream;
  }

  head(head: RequestHeaders, end: boolean): void {
    this.#stream.routeHead(head, end);
  }

  data(chunk: Buffer, end: boolean): void {
    this.#stream.routeData(chunk, end);
  }

  trailers(trailers: HeaderMap): void {
    this.#stream.routeTrailers(trailers);
  }

  pause(): void {
    this.#stream.pauseRequest(true);
  }

  resume(): void {
    this.#stream.resumeRequest(true);
  }
}

/** Before the first filter. */
class ClientEnd implements PassEnd<ResponseHeaders> {
  readonly #stream: FilteredStream;

  constructor(stream: FilteredStream) {
    this.#stream = stream;
  }

  head(head: ResponseHeaders, end: boolean): void {
    this.#stream.sendHead(head, end);
  }

  data(chunk: Buffer, end: boolean): void {
    this.#stream.sendData(chunk, end);
  }

  trailers(trailers: HeaderMap): void {
    this.#stream.sendTrailers(trailers);
  }

  pause(): void {
    this.#stream.pauseResponse();
  }

  resume(): void {
    this.#stream.resumeResponse();
  }
}

export class FilterManager {
  readonly request: RequestPass;
  readonly response: ResponsePass;
  readonly #stream: FilteredStream;
  readonly #chain: readonly ChainedFilter[];
  readonly #filters: StreamFilter[] = [];
  readonly #requestInterests: Concerned = { heads: 0, bodies: 0 };
  readonly #responseInterests: Concerned = { heads: 0, bodies: 0 };
  #ends: PlaceSet = 0;

  constructor(stream: FilteredStream, chain: readonly ChainedFilter[]) {
    this.#stream = stream;
    this.#chain = chain;
    this.#addFilters(0);
    const { bufferLimit } = stream;
    this.request = new RequestPass(this.#filters, new RouterEnd(stream), bufferLimit, this.#requestInterests);
    this.response = new ResponsePass(this.#filters, new ClientEnd(stream), bufferLimit, this.#responseInterests, true);
  }

  /** @param from the first of the chain that is added */
  #addFilters(from: number): void {
    const [request, response] = [this.#requestInterests, this.#responseInterests];
    for (let i = from; i < this.#chain.length; i++) {
      const chained = this.#chain[i]!;
      const said = this.#stream.route?.filterConfig(chained.name);
      if (said === undefined ? chained.disabled : said.disabled) continue;
      const place = this.#filters.length;
      const filter = chained.create(new FilterHandle(this.#stream, this, chained, place));
      this.#filters.push(filter);
      chained.interests ??= interestsOf(filter);
      const { interests } = chained;
      const bit = placeBit(place);
      if (interests.requestHead) request.heads |= bit;
      if (interests.requestData) request.bodies |= bit;
      if (interests.responseHead) response.heads |= bit;
      if (interests.responseData) response.bodies |= bit;
      if (interests.end) this.#ends |= bit;
    }
  }

  /** The route is another one: filters behind this one, which have not seen the request yet, are made anew. */
  renewBehind(filter: ChainedFilter, place: number): void {
    for (const old of this.#filters.splice(place + 1)) old.onStreamEnd();
    const kept = placesUpTo(place);
    for (const concerned of [this.#requestInterests, this.#responseInterests]) {
      concerned.heads &= kept;
      concerned.bodies &= kept;
    }
    this.#ends &= kept;
    this.#addFilters(this.#chain.indexOf(filter) + 1);
  }

  /** Whoever sends to this place of the request's direction is to send less, or again: the router's place is the last by default. */
  congestRequest(congested: boolean, place = this.#filters.length): void {
    for (let i = 0; i < place; i++) this.#filters[i]!.onRequestCongested(congested);
  }

  /** The same for the response; the client's place is before the first. */
  congestResponse(congested: boolean, place = -1): void {
    for (let i = place + 1; i < this.#filters.length; i++) this.#filters[i]!.onResponseCongested(congested);
  }

  end(): void {
    this.request.close();
    this.response.close();
    for (let i = 0; i < this.#filters.length; i++)
      if ((this.#ends & placeBit(i)) !== 0) this.#filters[i]!.onStreamEnd();
  }
}

const nothingSaid: readonly unknown[] = [];

/** The stream as one filter sees it. */
class FilterHandle implements FilterStream {
  readonly #stream: FilteredStream;
  readonly #manager: FilterManager;
  readonly #filter: ChainedFilter;
  readonly #place: number;

  constructor(stream: FilteredStream, manager: FilterManager, filter: ChainedFilter, place: number) {
    this.#stream = stream;
    this.#manager = manager;
    this.#filter = filter;
    this.#place = place;
  }

  get info(): StreamInfo {
    return this.#stream.info;
  }

  get requestHeaders(): RequestHeaders {
    return this.#stream.requestHeaders;
  }

  get route(): RouteEntry | undefined {
    return this.#stream.route;
  }

  get routeConfig(): unknown {
    return this.#stream.route?.filterConfig(this.#filter.name)?.config;
  }

  get routeConfigs(): readonly unknown[] {
    const said = this.#stream.route?.filterConfigs(this.#filter.name);
    return said === undefined || said.length === 0 ? nothingSaid : said.map(({ config }) => config);
  }

  get bufferLimit(): number {
    return this.#stream.bufferLimit;
  }

  random(): number {
    return this.#stream.random();
  }

  elapsedMs(): number {
    return this.#stream.elapsedMs();
  }

  clearRoute(): void {
    this.#stream.clearRoute();
  }

  demandRoute(onDone: () => void): (() => void) | undefined {
    return this.#stream.demandRoute(() => {
      this.#manager.renewBehind(this.#filter, this.#place);
      onDone();
    });
  }

  continueRequest(body?: Buffer, end?: boolean): void {
    this.#manager.request.proceed(this.#place, body, end);
  }

  continueResponse(body?: Buffer, end?: boolean): void {
    this.#manager.response.proceed(this.#place, body, end);
  }

  sendRequestData(chunk: Buffer, end: boolean): void {
    this.#manager.request.send(this.#place, chunk, end);
  }

  sendRequestTrailers(trailers: HeaderMap): void {
    this.#manager.request.sendTrailers(this.#place, trailers);
  }

  sendResponseData(chunk: Buffer, end: boolean): void {
    this.#manager.response.send(this.#place, chunk, end);
  }

  sendResponseTrailers(trailers: HeaderMap): void {
    this.#manager.response.sendTrailers(this.#place, trailers);
  }

  localReply(status: number, body: string, details: string, adjust?: (head: ResponseHeaders) => void): void {
    const { info, route } = this.#stream;
    info.decisions?.answered(this.#filter, details);
    if (info.downstreamFirstSentMs >= 0) {
      info.responseCodeDetails = details;
      this.#stream.abort();
      return;
    }
    // As in Envoy: what takes the place of a response goes past filters and routes.
    const late = this.#manager.response.begun;
    this.#stream.localReply(status, body, details, head => {
      if (!late) route?.adorn(head, info);
      adjust?.(head);
    });
  }

  respond(head: ResponseHeaders, details: string): void {
    this.#stream.info.decisions?.answered(this.#filter, details);
    this.#stream.answer(head, '', details);
  }

  recreate(response: ResponseHeaders): void {
    this.#stream.recreate(response, Buffer.alloc(0));
  }

  refuseBody(): void {
    this.#stream.info.decisions?.answered(this.#filter, 'request_payload_too_large');
    this.#stream.refuseBody();
  }

  pauseRequest(): void {
    this.#manager.congestRequest(true, this.#place);
    this.#stream.pauseRequest(true);
  }

  resumeRequest(): void {
    this.#manager.congestRequest(false, this.#place);
    this.#stream.resumeRequest(true);
  }

  pauseResponse(): void {
    this.#manager.congestResponse(true, this.#place);
    this.#stream.pauseResponse();
  }

  resumeResponse(): void {
    this.#manager.congestResponse(false, this.#place);
    this.#stream.resumeResponse();
  }
}
