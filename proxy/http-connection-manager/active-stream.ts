/** One request in the connection manager: from its head to the access log. */
import type { BrokenBy, CodecError, RequestReceiver, ResponseSender } from '../http/codec.ts';
import { type HeaderMap, type RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { reasonPhrase } from '../http1/reason-phrase.ts';
import { routeRequest } from '../router/route-request.ts';
import type { RoutedStream, RouterRequest } from '../router/router.ts';
import type { RouterStats } from '../router/router-stats.ts';
import { RedirectHistory } from '../routing/internal-redirect-policy.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import { brokenFlag, flag, StreamInfo } from '../stream-info.ts';
import type { RequestTrace } from '../tracing/request-trace.ts';
import { type FilteredStream, FilterManager } from './filter-manager.ts';
import { goAhead, passInterim } from './interim-responses.ts';
import { completeLocalReply } from './local-reply.ts';
import type { ManagedConnection } from './managed-connection.ts';
import { targetError } from './path.ts';
import { checkRequest } from './request-checks.ts';
import { prepareRequest } from './request-headers.ts';
import { prepareResponse } from './response-headers.ts';
import { StreamRoute } from './stream-route.ts';
import { StreamTimes, type TimedStream } from './stream-times.ts';

export class ActiveStream implements RequestReceiver, RoutedStream, FilteredStream, TimedStream {
  readonly info = new StreamInfo();
  /** Undefined where the listener traces nothing. */
  trace: RequestTrace | undefined;
  readonly #connection: ManagedConnection;
  readonly #sender: ResponseSender;
  #redirects: RedirectHistory | undefined;
  #router: RouterRequest | undefined;
  readonly #route: StreamRoute;
  #filters: FilterManager | undefined;
  #requestDone = false;
  #responseStarted = false;
  #over = false;
  /** The connection ends with this response. */
  #closes = false;
  readonly #times: StreamTimes;
  #interimLog: NodeJS.Timeout | undefined;

  constructor(connection: ManagedConnection, sender: ResponseSender) {
    this.#connection = connection;
    this.#sender = sender;
    connection.describe(this.info, sender);
    this.#route = new StreamRoute(connection.manager, this.info);
    this.#times = new StreamTimes(this, connection.manager);
  }

  get stats(): RouterStats {
    return this.#connection.manager.routerStats;
  }

  get suppressEnvoyHeaders(): boolean {
    return this.#connection.manager.settings.suppressEnvoyHeaders;
  }

  get bufferLimit(): number {
    return this.#connection.manager.bufferLimit;
  }

  elapsedMs(): number {
    return performance.now() - this.info.begunMs;
  }

  /** Whether a response has begun, its own or one of ours. */
  get answered(): boolean {
    return this.#responseStarted;
  }

  // From the client

  onRequestHead(head: RequestHeaders, end: boolean): void {
    const { info } = this;
    const { manager } = this.#connection;
    info.protocol = this.#sender.protocol;
    manager.checkUnderscores(head, this.#sender.protocol);
    info.requestHeaders = head;
    info.originalPath = head.path;
    info.decisions = manager.explained?.begin(head, info.downstreamLocalAddress);
    if (end) this.#noteRequestDone();
    const error = targetError(head, manager.settings);
    if (error !== undefined) {
      this.onRequestError(error);
      return;
    }
    if (this.#refuses(head)) return;
    goAhead(head, manager, this.#sender);
    prepareRequest(head, manager.settings, this.#connection.peer, info);
    this.#forward(head, end, false);
  }

  /** Whether a head goes no further; it is answered then. */
  #refuses(head: RequestHeaders): boolean {
    const { manager, localAddress } = this.#connection;
    const refusal = checkRequest(head, manager.settings, manager.stats, localAddress);
    if (refusal === undefined) return false;
    this.localReply(refusal.status, '', refusal.details, refusal.adjust);
    return true;
  }

  #noteRequestDone(): void {
    this.#requestDone = true;
    this.info.requestReceivedMs = this.elapsedMs();
    this.#times.requestDone();
  }

  /** @param again the stream began anew */
  #forward(head: RequestHeaders, end: boolean, again: boolean): void {
    const { manager } = this.#connection;
    this.#findRoute(head);
    this.trace = manager.tracing?.begin(this, head, again);
    this.#interimLog = manager.interimLogs?.started(this);
    if (this.#route.refusesUpgrade(head)) {
      // What follows may be bytes of the other protocol.
      this.#connection.takeNoMore();
      this.localReply(403, '', 'upgrade_failed');
      return;
    }
    const filters = manager.filtersFor(head.upgrade);
    if (filters.length === 0) {
      this.routeHead(head, end);
      return;
    }
    this.#filters = new FilterManager(this, filters);
    this.#filters.request.head(head, end);
  }

  #findRoute(head: RequestHeaders): void {
    this.#route.find(head);
    this.#times.routed(head, this.route?.cluster);
  }

  // Redirects that the proxy follows itself

  get redirects(): RedirectHistory {
    this.#redirects ??= new RedirectHistory();
    return this.#redirects;
  }

  get encrypted(): boolean {
    return this.#connection.peer.tls !== undefined;
  }

  recreate(response: ResponseHeaders, body: Buffer): void {
    const told = { responseHeaders: response, responseCode: response.status };
    Object.assign(this.info, told, { responseCodeDetails: 'internal_redirect' });
    this.#responseStarted = false;
    this.#finish();
    const next = this.#connection.newRequest(this.#sender);
    this.#sender.handOver(next);
    next.#continue(this, body);
  }

  /** Begins with the whole request of a stream that is over. As in Envoy what belongs to the client goes on, and headers are not made ready again. */
  #continue(before: ActiveStream, body: Buffer): void {
    const { info } = this;
    const { manager } = this.#connection;
    const head = before.requestHeaders;
    this.#redirects = before.#redirects;
    info.continue(before.info);
    info.decisions = manager.explained?.begin(head, info.downstreamLocalAddress);
    this.#requestDone = true;
    this.#times.requestDone();
    if (this.#refuses(head)) return;
    this.#forward(head, body.length === 0, true);
    if (body.length === 0 || this.#over) return;
    info.bytesReceived += body.length;
    if (this.#filters === undefined) this.routeData(body, true);
    else this.#filters.request.data(body, true);
  }

  // For the filters

  get route(): RouteEntry | undefined {
    return this.#route.entry;
  }

  get requestHeaders(): RequestHeaders {
    return this.info.requestHeaders!;
  }

  random(): number {
    return this.#route.random();
  }

  clearRoute(): void {
    this.#findRoute(this.requestHeaders);
  }

  demandRoute(onDone: () => void): (() => void) | undefined {
    return this.#route.demand(this.requestHeaders, () => this.clearRoute(), onDone);
  }

  routeHead(head: RequestHeaders, end: boolean): void {
    this.#router = routeRequest(this, head, this.#route.forRouter(head));
    this.#router?.start(end);
  }

  routeData(chunk: Buffer, end: boolean): void {
    this.#router?.sendData(chunk, end);
  }

  routeTrailers(trailers: HeaderMap): void {
    this.#router?.sendTrailers(trailers);
  }

  pauseResponse(): void {
    this.#router?.congested(true);
  }

  resumeResponse(): void {
    this.#router?.congested(false);
  }

  onRequestData(chunk: Buffer, end: boolean): void {
    this.info.bytesReceived += chunk.length;
    this.#times.touch();
    if (end) this.#noteRequestDone();
    if (this.#filters === undefined) this.routeData(chunk, end);
    else this.#filters.request.data(chunk, end);
  }

  onRequestTrailers(trailers: HeaderMap): void {
    this.#noteRequestDone();
    if (this.#filters === undefined) this.routeTrailers(trailers);
    else this.#filters.request.trailers(trailers);
  }

  onRequestError(error: CodecError): void {
    this.#closes = true;
    this.#connection.manager.stats.cxProtocolError.increment();
    this.info.flags |= flag.DOWNSTREAM_PROTOCOL_ERROR;
    if (this.#responseStarted) {
      this.info.responseCodeDetails = error.details;
      this.abort();
      return;
    }
    this.localReply(error.status, reasonPhrase(error.status), error.details);
  }

  onRequestReset(by: BrokenBy, details: string): void {
    if (this.#over) return;
    this.#connection.manager.stats.rqRxReset.increment();
    this.info.flags |= brokenFlag[by];
    this.info.responseCodeDetails = details;
    this.#finish(true);
  }

  onDownstreamCongested(congested: boolean): void {
    this.#filters?.congestResponse(congested);
    this.#router?.congested(congested);
  }

  // To the client

  respond(head: ResponseHeaders, end: boolean): void {
    if (this.#over) return;
    this.#responseStarted = true;
    // Filters may ask for them already.
    this.info.responseHeaders = head;
    this.info.responseCode = head.status;
    if (this.#filters === undefined) this.sendHead(head, end);
    else this.#filters.response.head(head, end);
  }

  respondInterim(head: ResponseHeaders): void {
    if (!this.#over) passInterim(head, this.#connection.manager, this.info, this.#sender);
  }

  sendHead(head: ResponseHeaders, end: boolean): void {
    if (this.#over) return;
    const { info } = this;
    const { manager } = this.#connection;
    if (!this.#requestDone) this.#closeEarly();
    info.responseHeaders = head;
    info.responseCode = head.status;
    prepareResponse(head, manager.settings, info);
    if (head.upgraded) this.#times.requestDone();
    this.trace?.onResponseHead(head);
    info.downstreamFirstSentMs = this.elapsedMs();
    this.#times.touch();
    if (head.upgraded) manager.interimLogs?.tunnelOpened(this);
    this.#sender.sendHead(head, end, this.#connection.closesAfterResponse() || this.#closes);
    if (end) this.#finish();
  }

  /** The response begins before the request is whole: nobody waits for the rest, the connection ends with the response. */
  #closeEarly(): void {
    this.#closes = true;
    this.#connection.manager.stats.rqEarlyResponse.increment();
  }

  respondData(chunk: Buffer, end: boolean): void {
    if (this.#filters === undefined) this.sendData(chunk, end);
    else this.#filters.response.data(chunk, end);
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.info.bytesSent += chunk.length;
    this.#times.touch();
    this.#sender.sendData(chunk, end);
    if (end) this.#finish();
  }

  respondTrailers(trailers: HeaderMap): void {
    if (this.#filters === undefined) this.sendTrailers(trailers);
    else this.#filters.response.trailers(trailers);
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#over) return;
    this.info.responseTrailers = trailers;
    this.#sender.sendTrailers(trailers);
    this.#finish();
  }

  localReply(status: number, body: string, details: string, adjust?: (head: ResponseHeaders) => void): void {
    if (this.#over) return;
    this.info.responseCodeDetails = details;
    // As in Envoy: a request that is bad may not end where it seems to.
    if (status === 400 && !this.#connection.manager.settings.http1.streamErrorOnInvalidMessage) this.#closes = true;
    const head = new ResponseHeaders(status);
    this.info.responseHeaders = head;
    if (adjust !== undefined) adjust(head);
    else this.route?.adorn(head, this.info);
    this.answer(head, completeLocalReply(head, body, this.info, this.#connection.manager.replyMapping), details);
  }

  refuseBody(): void {
    if (this.#over) return;
    this.#connection.manager.stats.rqTooLarge.increment();
    // As in Envoy the connection ends even where these bytes were the last ones.
    if (this.#requestDone) this.#closeEarly();
    this.localReply(413, reasonPhrase(413), 'request_payload_too_large');
  }

  /** Answers with this head as it is, and with this body, whose characters are bytes. */
  answer(head: ResponseHeaders, body: string, details: string): void {
    if (this.#over) return;
    this.info.responseCodeDetails = details;
    this.#router?.cancel();
    this.#filters?.request.close();
    // A response that a filter still holds is thrown away; ours does not wait for that filter.
    if (this.#filters?.response.begun) {
      this.#filters.end();
      this.#filters = undefined;
    }
    this.respond(head, body === '');
    if (body !== '') this.respondData(Buffer.from(body, 'latin1'), true);
  }

  abort(): void {
    if (this.#over) return;
    // As Envoy, which takes its own reset for one of the client too.
    const { stats } = this.#connection.manager;
    stats.rqTxReset.increment();
    stats.rqRxReset.increment();
    this.#finish(true);
    this.#sender.reset();
  }

  pauseRequest(byFilter = false): void {
    if (!byFilter) this.#filters?.congestRequest(true);
    if (this.#requestDone) return;
    this.#connection.manager.stats.flowPaused.increment();
    this.#sender.pauseReading();
  }

  resumeRequest(byFilter = false): void {
    if (!byFilter) this.#filters?.congestRequest(false);
    if (this.#requestDone) return;
    this.#connection.manager.stats.flowResumed.increment();
    this.#sender.resumeReading();
  }

  timeOut(body: string, details: string, adjust?: (head: ResponseHeaders) => void): void {
    if (this.#responseStarted) {
      this.info.responseCodeDetails = details;
      this.abort();
    } else this.localReply(this.#requestDone ? 504 : 408, body, details, adjust);
  }

  /** `broken`: the stream was broken off, which is counted already. */
  #finish(broken = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#times.stop();
    clearInterval(this.#interimLog);
    this.#router?.cancel();
    this.#filters?.end();
    this.#route.end();
    if (!this.#requestDone && this.#responseStarted && !broken) this.#connection.manager.stats.rqRxReset.increment();
    this.info.durationMs = this.elapsedMs();
    this.info.decisions?.finish(this.info);
    this.trace?.finish(broken);
    this.#connection.onStreamDone(this);
  }
}
