/** One request in the connection manager: from its head to the access log. */
import { Deadline, type Limited } from '../deadlines.ts';
import { CodecError, type RequestReceiver, type ResponseSender } from '../http/codec.ts';
import { httpDate } from '../http/date.ts';
import { type HeaderMap, type RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { reasonPhrase } from '../http1/reason-phrase.ts';
import { routeRequest } from '../router/route-request.ts';
import type { RoutedStream, RouterRequest } from '../router/router.ts';
import type { RouterStats } from '../router/router-stats.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import { flag, StreamInfo } from '../stream-info.ts';
import { type FilteredStream, FilterManager } from './filter-manager.ts';
import { completeLocalReply } from './local-reply.ts';
import type { ManagedConnection } from './managed-connection.ts';
import { isAuthority, takeAbsoluteForm } from './path.ts';
import { checkRequest, isExpected, removeHopByHop, wantsUpgrade } from './request-checks.ts';
import { prepareRequest } from './request-headers.ts';

export class ActiveStream implements RequestReceiver, RoutedStream, FilteredStream, Limited {
  readonly info = new StreamInfo();
  readonly deadline: Deadline = new Deadline(this);
  readonly #connection: ManagedConnection;
  readonly #sender: ResponseSender;
  readonly #startedAt = performance.now();
  #router: RouterRequest | undefined;
  #route: RouteEntry | undefined;
  #filters: FilterManager | undefined;
  #random = -1;
  #requestDone = false;
  #responseStarted = false;
  #over = false;
  /** The connection ends with this response. */
  #closes = false;
  #overall: NodeJS.Timeout | undefined;

  constructor(connection: ManagedConnection, sender: ResponseSender) {
    this.#connection = connection;
    this.#sender = sender;
    const { info } = this;
    info.startMs = Date.now();
    info.protocol = sender.protocol;
    info.statPrefix = connection.manager.settings.statPrefix;
    info.listenerName = connection.manager.listenerName;
    info.connectionId = connection.id;
    info.downstreamLocalAddress = connection.localAddress;
    info.requestedServerName = connection.peer.serverName;
    info.tls = connection.peer.tls;
    info.downstreamRemoteAddress = connection.remoteAddress;
    info.downstreamDirectRemoteAddress = connection.directRemoteAddress;
    this.#touch();
    const { requestTimeoutMs } = connection.manager.settings;
    if (requestTimeoutMs > 0) this.#overall = setTimeout(() => this.#onRequestTimeout(), requestTimeoutMs);
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
    return performance.now() - this.#startedAt;
  }

  // From the client

  onRequestHead(head: RequestHeaders, end: boolean): void {
    const { info } = this;
    const { manager } = this.#connection;
    info.requestHeaders = head;
    info.originalPath = head.path;
    if (end) this.#noteRequestDone();
    if (!takeAbsoluteForm(head)) {
      this.onRequestError(new CodecError(400, 'http1.invalid_url'));
      return;
    }
    if (!isAuthority(head.authority)) {
      this.onRequestError(new CodecError(400, 'http.invalid_authority'));
      return;
    }
    const refusal = checkRequest(head, manager.settings, manager.stats);
    if (refusal !== undefined) {
      this.#closes = refusal.status !== 404;
      this.localReply(refusal.status, '', refusal.details);
      return;
    }
    if (!end && isExpected(head)) {
      manager.countResponse(100);
      this.#sender.sendInterim(new ResponseHeaders(100));
    }
    const upgrade = wantsUpgrade(head);
    prepareRequest(head, manager.settings, this.#connection.peer, info);
    if (manager.settings.stripAnyHostPort) head.authority = head.authority.replace(/:\d+$/, '');
    if (upgrade || head.method === 'CONNECT') this.#closes = true;
    this.#forward(head, end, upgrade);
  }

  #noteRequestDone(): void {
    this.#requestDone = true;
    this.info.requestReceivedMs = this.elapsedMs();
    clearTimeout(this.#overall);
  }

  #forward(head: RequestHeaders, end: boolean, upgrade: boolean): void {
    const { manager } = this.#connection;
    this.#findRoute(head);
    if (upgrade && this.#route !== undefined) {
      this.stats.rqTotal.increment();
      manager.stats.rqWsOnNonWsRoute.increment();
      this.localReply(403, '', 'upgrade_failed');
      return;
    }
    if (manager.filters.length === 0) {
      this.routeHead(head, end);
      return;
    }
    this.#filters = new FilterManager(this, manager.filters);
    this.#filters.request.head(head, end);
  }

  #findRoute(head: RequestHeaders): void {
    // A route for CONNECT has to say so, which none can yet.
    const route = head.method === 'CONNECT' ? undefined : this.#connection.manager.routes.find(head, this.random());
    this.#route = route;
    if (route === undefined) return;
    if (route.cluster?.idleQueue !== undefined) this.#touch();
    this.info.routeName = route.name;
    if (route.cluster !== undefined) this.info.clusterName = route.cluster.clusterName;
  }

  // For the filters

  get route(): RouteEntry | undefined {
    return this.#route;
  }

  get requestHeaders(): RequestHeaders {
    return this.info.requestHeaders!;
  }

  random(): number {
    if (this.#random < 0) this.#random = Math.floor(Math.random() * 0x4000_0000);
    return this.#random;
  }

  clearRoute(): void {
    this.#findRoute(this.requestHeaders);
  }

  routeHead(head: RequestHeaders, end: boolean): void {
    this.#router = routeRequest(this, head, this.#route);
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
    this.#touch();
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
    const { stats } = this.#connection.manager;
    stats.cxProtocolError.increment();
    this.info.flags |= flag.DOWNSTREAM_PROTOCOL_ERROR;
    if (this.#responseStarted) {
      this.info.responseCodeDetails = error.details;
      this.abort();
      return;
    }
    this.localReply(error.status, reasonPhrase(error.status), error.details);
  }

  onRequestReset(reason: string): void {
    if (this.#over) return;
    const { stats } = this.#connection.manager;
    stats.rqRxReset.increment();
    this.info.flags |= flag.DOWNSTREAM_CONNECTION_TERMINATION;
    this.info.responseCodeDetails ||= reason;
    if (!this.#responseStarted) this.info.responseCodeDetails = reason;
    this.#finish(true);
  }

  onDownstreamCongested(congested: boolean): void {
    this.#router?.congested(congested);
  }

  // To the client

  respondInterim(head: ResponseHeaders): void {
    this.#sender.sendInterim(head);
  }

  respond(head: ResponseHeaders, end: boolean): void {
    if (this.#over) return;
    this.#responseStarted = true;
    // Filters may ask for them already.
    this.info.responseHeaders = head;
    this.info.responseCode = head.status;
    if (this.#filters === undefined) this.sendHead(head, end);
    else this.#filters.response.head(head, end);
  }

  sendHead(head: ResponseHeaders, end: boolean): void {
    if (this.#over) return;
    const { info } = this;
    const { manager } = this.#connection;
    const { settings } = manager;
    if (!this.#requestDone) this.#closeEarly();
    info.responseHeaders = head;
    info.responseCode = head.status;
    removeHopByHop(head);
    if (!head.has('date')) head.add('date', httpDate(Date.now()));
    if (settings.serverHeader === 'overwrite') head.set('server', settings.serverName);
    else if (settings.serverHeader === 'append-if-absent' && !head.has('server'))
      head.add('server', settings.serverName);
    if (settings.alwaysSetRequestIdInResponse && info.requestId !== '') head.set('x-request-id', info.requestId);
    if (settings.via !== '') head.add('via', settings.via);
    info.downstreamFirstSentMs = this.elapsedMs();
    this.#touch();
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
    this.#touch();
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
    if (status === 400) this.#closes = true;
    const head = new ResponseHeaders(status);
    if (adjust !== undefined) adjust(head);
    else for (const mutations of this.#route?.responseMutations ?? []) mutations.apply(head, this.info);
    this.answer(head, completeLocalReply(head, body, this.info.requestHeaders), details);
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
    this.#cancelRouter();
    this.#filters?.request.close();
    // A response that a filter still holds is thrown away; ours does not wait for that filter.
    if (this.#filters?.response.begun) {
      this.#filters.end();
      this.#filters = undefined;
    }
    this.respond(head, body === '');
    if (body !== '') this.respondData(Buffer.from(body, 'latin1'), true);
  }

  #cancelRouter(): void {
    this.#router?.cancel();
  }

  abort(): void {
    if (this.#over) return;
    const { stats } = this.#connection.manager;
    // As Envoy, which takes its own reset for one of the client too.
    stats.rqTxReset.increment();
    stats.rqRxReset.increment();
    this.#finish(true);
    this.#sender.reset();
  }

  pauseRequest(): void {
    if (this.#requestDone) return;
    this.#connection.manager.stats.flowPaused.increment();
    this.#sender.pauseReading();
  }

  resumeRequest(): void {
    if (this.#requestDone) return;
    this.#connection.manager.stats.flowResumed.increment();
    this.#sender.resumeReading();
  }

  // Time

  #touch(): void {
    const queue = this.#route?.cluster?.idleQueue ?? this.#connection.manager.streamIdleQueue;
    if (queue === 'never') this.deadline.clear();
    else if (queue !== undefined) this.deadline.set(queue);
  }

  onDeadline(): void {
    this.#connection.manager.stats.rqIdleTimeout.increment();
    this.info.flags |= flag.STREAM_IDLE_TIMEOUT;
    if (this.#responseStarted) {
      this.info.responseCodeDetails = 'stream_idle_timeout';
      this.#cancelRouter();
      this.abort();
      return;
    }
    this.localReply(this.#requestDone ? 504 : 408, 'stream timeout', 'stream_idle_timeout');
  }

  #onRequestTimeout(): void {
    if (this.#over) return;
    this.#connection.manager.stats.rqTimeout.increment();
    if (this.#responseStarted) {
      this.abort();
      return;
    }
    this.localReply(this.#requestDone ? 504 : 408, 'request timeout', 'request_overall_timeout');
  }

  /** `broken`: the stream was broken off, which is counted already. */
  #finish(broken = false): void {
    if (this.#over) return;
    this.#over = true;
    this.deadline.clear();
    clearTimeout(this.#overall);
    this.#cancelRouter();
    this.#filters?.end();
    if (!this.#requestDone && this.#responseStarted && !broken) this.#connection.manager.stats.rqRxReset.increment();
    this.info.durationMs = this.elapsedMs();
    this.#connection.onStreamDone(this);
  }
}
