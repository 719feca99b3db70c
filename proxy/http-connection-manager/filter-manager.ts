/** The filters of one stream, and what passes through them. */
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { FilterFactory, FilterStream, StreamFilter } from '../http-filters/filter.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { StreamInfo } from '../stream-info.ts';
import { RequestPass, ResponsePass } from './filter-pass.ts';

/** A filter of the chain, as the connection manager's configuration names it. */
export interface ChainedFilter {
  name: string;
  /** Left out unless a route switches it on. */
  disabled: boolean;
  create: FilterFactory;
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
  localReply(status: number, body: string, details: string, adjust?: (head: ResponseHeaders) => void): void;
  answer(head: ResponseHeaders, body: string, details: string): void;
  refuseBody(): void;
  /** Behind the last filter: the router. */
  routeHead(head: RequestHeaders, end: boolean): void;
  routeData(chunk: Buffer, end: boolean): void;
  routeTrailers(trailers: HeaderMap): void;
  pauseRequest(): void;
  resumeRequest(): void;
  /** Before the first one: the client. */
  sendHead(head: ResponseHeaders, end: boolean): void;
  sendData(chunk: Buffer, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  pauseResponse(): void;
  resumeResponse(): void;
}

export class FilterManager {
  readonly request: RequestPass;
  readonly response: ResponsePass;
  readonly #filters: StreamFilter[] = [];

  constructor(stream: FilteredStream, chain: readonly ChainedFilter[]) {
    for (let i = 0; i < chain.length; i++) {
      const { name, disabled, create } = chain[i]!;
      const said = stream.route?.filterConfig(name);
      if (said === undefined ? disabled : said.disabled) continue;
      const handle = new FilterHandle(stream, this, name, this.#filters.length);
      this.#filters.push(create(handle));
    }
    const router = {
      head: (head: RequestHeaders, end: boolean) => stream.routeHead(head, end),
      data: (chunk: Buffer, end: boolean) => stream.routeData(chunk, end),
      trailers: (trailers: HeaderMap) => stream.routeTrailers(trailers),
      pause: () => stream.pauseRequest(),
      resume: () => stream.resumeRequest(),
    };
    const client = {
      head: (head: ResponseHeaders, end: boolean) => stream.sendHead(head, end),
      data: (chunk: Buffer, end: boolean) => stream.sendData(chunk, end),
      trailers: (trailers: HeaderMap) => stream.sendTrailers(trailers),
      pause: () => stream.pauseResponse(),
      resume: () => stream.resumeResponse(),
    };
    this.request = new RequestPass(this.#filters, router, stream.bufferLimit);
    this.response = new ResponsePass(this.#filters.toReversed(), client, stream.bufferLimit);
  }

  /** The place of a filter in the response's direction. */
  reversed(place: number): number {
    return this.#filters.length - 1 - place;
  }

  end(): void {
    this.request.close();
    this.response.close();
    for (const filter of this.#filters) filter.onStreamEnd();
  }
}

/** The stream as one filter sees it. */
class FilterHandle implements FilterStream {
  readonly #stream: FilteredStream;
  readonly #manager: FilterManager;
  readonly #name: string;
  readonly #place: number;

  constructor(stream: FilteredStream, manager: FilterManager, name: string, place: number) {
    this.#stream = stream;
    this.#manager = manager;
    this.#name = name;
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
    return this.#stream.route?.filterConfig(this.#name)?.config;
  }

  get routeConfigs(): readonly unknown[] {
    return this.#stream.route?.filterConfigs(this.#name).map(({ config }) => config) ?? [];
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

  continueRequest(body?: Buffer, end?: boolean): void {
    this.#manager.request.proceed(this.#place, body, end);
  }

  continueResponse(body?: Buffer, end?: boolean): void {
    this.#manager.response.proceed(this.#manager.reversed(this.#place), body, end);
  }

  sendResponseData(chunk: Buffer, end: boolean): void {
    this.#manager.response.send(this.#manager.reversed(this.#place), chunk, end);
  }

  sendResponseTrailers(trailers: HeaderMap): void {
    this.#manager.response.sendTrailers(this.#manager.reversed(this.#place), trailers);
  }

  localReply(status: number, body: string, details: string, adjust?: (head: ResponseHeaders) => void): void {
    const { info, route } = this.#stream;
    this.#stream.localReply(status, body, details, head => {
      for (const mutations of route?.responseMutations ?? []) mutations.apply(head, info);
      adjust?.(head);
    });
  }

  respond(head: ResponseHeaders, details: string): void {
    this.#stream.answer(head, '', details);
  }

  refuseBody(): void {
    this.#stream.refuseBody();
  }

  pauseResponse(): void {
    this.#stream.pauseResponse();
  }

  resumeResponse(): void {
    this.#stream.resumeResponse();
  }
}
