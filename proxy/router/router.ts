/** The terminal filter: sends a request to the cluster of its route and passes the response back. */
import type { Host } from '../cluster/host.ts';
import { recordUse } from '../cluster/timeout-budgets.ts';
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import { formatTimeout, isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { MetadataCriteria } from '../load-balancing/metadata-criteria.ts';
import type { BoundCluster, ClusterAction } from '../routing/cluster-action.ts';
import type { Patience } from '../routing/patience.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import { replyToReset, resetDetails, resetFlag } from '../upstream/resets.ts';
import type { Exchange, GivenUpTry, TryTrace } from '../upstream/upstream.ts';
import { wantedFacts } from '../wanted-facts.ts';
import { failsHandshake } from './handshake.ts';
import { InternalRedirect, type RedirectedStream } from './internal-redirect.ts';
import { Mirror } from './mirror.ts';

/** What the router asks of the stream that it serves. */
export interface RoutedStream extends RedirectedStream {
  readonly info: StreamInfo;
  /** The router's own settings. */
  readonly suppressEnvoyHeaders: boolean;
  readonly trace: TryTrace | undefined;
  /** The number of this request by which shares are decided. */
  random(): number;
  elapsedMs(): number;
  /** Passes 1xx on, where the client is to be told. */
  respondInterim(head: ResponseHeaders): void;
  respond(head: ResponseHeaders, end: boolean): void;
  respondData(chunk: Buffer, end: boolean): void;
  respondTrailers(trailers: HeaderMap): void;
  /** Answers by ourselves; `adjust` changes the head before it goes out. */
  localReply(status: number, body: string, details: string, adjust?: (head: ResponseHeaders) => void): void;
  /** Breaks the response off in the middle. */
  abort(): void;
  pauseRequest(): void;
  resumeRequest(): void;
}

export class RouterRequest implements Exchange, ResponseReceiver {
  readonly info: StreamInfo;
  head: RequestHeaders;
  host: Host | undefined = undefined;
  readonly triedHosts: Host[] = [];
  requestDone = false;
  givenUp: readonly GivenUpTry[] | undefined = undefined;
  readonly hostSelectionAttempts: number;
  readonly metadataMatch: MetadataCriteria | undefined;
  readonly asTcp: boolean;
  readonly bufferLimit: number;
  readonly trace: TryTrace | undefined;
  readonly meets: ((host: Host) => void) | undefined;
  readonly #stream: RoutedStream;
  readonly #route: RouteEntry;
  readonly #action: ClusterAction;
  /** As it was when the request came: an update goes to those that come later. */
  readonly #bound: BoundCluster;
  readonly #patience: Patience;
  #sender: RequestSender | undefined;
  #mirror: Mirror | undefined;
  readonly #redirect: InternalRedirect | undefined;
  #requestDoneMs = 0;
  #tries = 1;
  #responseStarted = false;
  #interimCame = false;
  #over = false;
  #status = 0;
  #hashed = false;
  #hash: bigint | undefined;
  /** By which the client comes to the same host the next time. */
  #setCookies: string[] | undefined;

  constructor(
    stream: RoutedStream,
    head: RequestHeaders,
    route: RouteEntry,
    action: ClusterAction,
    bound: BoundCluster,
    patience: Patience,
  ) {
    this.#stream = stream;
    this.info = stream.info;
    this.head = head;
    this.#route = route;
    this.#action = action;
    this.#bound = bound;
    this.#patience = patience;
    this.asTcp = action.upgrades.endsHere(head.method);
    this.bufferLimit = Math.min(stream.bufferLimit, action.bufferLimit);
    if (action.autoHostRewrite)
      this.meets = ({ hostname }) => action.changeHost(this.head, hostname, stream.suppressEnvoyHeaders);
    this.trace = stream.trace;
    this.metadataMatch = MetadataCriteria.forRequest(stream.info.metadata, action.metadataMatch);
    const { internalRedirects } = action;
    this.#redirect = internalRedirects && new InternalRedirect(stream, internalRedirects, head);
    this.hostSelectionAttempts = patience.retryPolicy?.hostSelectionAttempts ?? 0;
  }

  elapsedMs(): number {
    return this.#stream.elapsedMs();
  }

  hash(): bigint | undefined {
    // Once for all tries.
    if (this.#hashed) return this.#hash;
    this.#hashed = true;
    this.#hash = this.#action.hashPolicies?.hash(this.head, this.info, cookie => {
      this.#setCookies ??= [];
      this.#setCookies.push(cookie);
    });
    return this.#hash;
  }

  /** Sends the head, changed as the route says. */
  start(end: boolean): void {
    const { head, info } = this;
    const suppress = this.#stream.suppressEnvoyHeaders;
    if (end) this.#noteRequestDone();
    if (this.#bound.cluster.maintenance.refuses()) {
      this.#refuseForMaintenance();
      return;
    }
    if (!suppress) this.#setTimeoutHeader(0);
    if (this.#route.host.includeAttemptCount) head.set('x-envoy-attempt-count', '1');
    for (const mutations of this.#route.requestMutations) mutations.apply(head, info);
    if (this.#action.rewrites) this.#action.rewrite(head, suppress);
    head.authority += head.connectPort;
    // As in Envoy each other upgrade is copied, and what its client says.
    const mirror =
      this.#action.mirrorPolicies.length > 0 && head.method !== 'CONNECT'
        ? Mirror.of(this.#action, head, this.#stream)
        : undefined;
    info.upstreamAttemptCount = 1;
    const sender = this.#bound.upstream.open(this, end, this);
    if (this.#over) return;
    this.#sender = sender;
    // After the request itself, as Envoy does: where that failed at once there is no copy.
    mirror?.start(end);
    this.#mirror = mirror;
  }

  #refuseForMaintenance(): void {
    this.#over = true;
    this.info.flags |= flag.UPSTREAM_OVERFLOW;
    this.#bound.cluster.stats.rqMaintenanceMode.increment();
    this.#countResponse(503);
    this.#stream.localReply(503, 'maintenance mode', 'maintenance_mode', head => {
      this.#adorn(head);
      if (!this.#stream.suppressEnvoyHeaders) head.set('x-envoy-overloaded', 'true');
    });
  }

  #noteRequestDone(): void {
    this.requestDone = true;
    this.#requestDoneMs = this.elapsedMs();
    if (this.info.upstreamFirstSentMs >= 0) this.info.upstreamLastSentMs = this.#requestDoneMs;
  }

  /** Tells the upstream how long it may take: what is left of the whole, or the time of one try. */
  #setTimeoutHeader(elapsedMs: number): void {
    const { timeoutMs, retryPolicy, hedges } = this.#patience;
    const perTryMs = retryPolicy?.perTryTimeoutMs ?? 0;
    // A try that is slow goes on.
    const usePerTry = !hedges && perTryMs > 0 && (timeoutMs === 0 || perTryMs < timeoutMs);
    let expected = usePerTry ? perTryMs : timeoutMs;
    if (timeoutMs > 0 && elapsedMs > 0) {
      const left = Math.floor(timeoutMs - elapsedMs);
      expected = left <= 0 ? 1 : Math.min(left, expected);
    }
    if (expected <= 0) return;
    this.head.set('x-envoy-expected-rq-timeout-ms', String(Math.floor(expected)));
    if (this.#patience.tellsGrpc) this.head.set('grpc-timeout', formatTimeout(Math.floor(expected)));
  }

  beforeRetry(retry: number, timedOut: boolean): void {
    this.#tries = retry + 1;
    this.info.upstreamAttemptCount = this.#tries;
    if (!this.#stream.suppressEnvoyHeaders) this.#setTimeoutHeader(this.requestDone ? this.elapsedMs() : 0);
    if (this.#route.host.includeAttemptCount) this.head.set('x-envoy-attempt-count', String(this.#tries));
    if (this.#route.host.includeTimeoutRetry) this.head.set('x-envoy-is-timeout-retry', String(timedOut));
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (end) this.#noteRequestDone();
    const kept = this.#redirect?.keep(chunk) ?? true;
    this.#mirror?.data(chunk, end);
    // Where it may be retried, that keeps the body too, and counts.
    if (!kept && !this.#patience.retryPolicy?.appliesTo(this.head))
      this.#bound.cluster.stats.retryOrShadowAbandoned.increment();
    this.#sender?.sendData(chunk, end);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#noteRequestDone();
    this.#mirror?.trailers(trailers);
    this.#sender?.sendTrailers(trailers);
  }

  /** The client has gone, or was answered otherwise. */
  cancel(): void {
    this.#mirror?.stop();
    if (this.#over) return;
    this.#over = true;
    this.#sender?.cancel();
  }

  congested(congested: boolean): void {
    if (congested) this.#sender?.pauseReading();
    else this.#sender?.resumeReading();
  }

  onSent(): void {
    const { info } = this;
    info.upstreamFirstSentMs = this.elapsedMs();
    if (this.requestDone) info.upstreamLastSentMs = info.upstreamFirstSentMs;
  }

  onInterim(head: ResponseHeaders): void {
    this.#interimCame = true;
    this.#stream.respondInterim(head);
    const { stats } = this.#bound.cluster;
    stats.responses.count(head.status);
    stats.externalResponses.count(head.status);
  }

  onHead(head: ResponseHeaders, end: boolean): void {
    const { info } = this;
    this.#responseStarted = true;
    this.#status = head.status;
    const now = this.elapsedMs();
    info.upstreamFirstReceivedMs = now;
    if (failsHandshake(this.head, head.status)) {
      this.#endHandshake(head);
      return;
    }
    if (this.#redirect?.concerns(head.status) && this.#redirects(head, end)) return;
    info.responseCodeDetails = 'via_upstream';
    info.responseCode = head.status;
    if (!this.#stream.suppressEnvoyHeaders && this.requestDone) {
      head.set('x-envoy-upstream-service-time', String(Math.floor(now - this.#requestDoneMs)));
    }
    for (const cookie of this.#setCookies ?? []) head.add('set-cookie', cookie);
    this.#adorn(head);
    this.#countResponse(head.status);
    if (end) this.#complete();
    this.#stream.respond(head, end);
  }

  /** Follows a redirect, where that is possible: this request is over then, as if there had been no answer. */
  #redirects(head: ResponseHeaders, end: boolean): boolean {
    const redirect = this.#redirect!;
    const { internalRedirects: counters } = this.#bound.cluster.stats;
    if (!redirect.prepare(head, this.requestDone)) {
      counters.failed.increment();
      return false;
    }
    this.#over = true;
    if (!end) this.#sender?.cancel();
    counters.succeeded.increment();
    redirect.recreate(head);
    return true;
  }

  /** The answer without its body. */
  #endHandshake(head: ResponseHeaders): void {
    this.#over = true;
    this.#sender?.cancel();
    head.remove('content-length');
    this.info.responseCodeDetails = 'websocket_handshake_unsuccessful';
    this.#adorn(head);
    this.#stream.respond(head, true);
  }

  /** Counts the final answer, the upstream's or ours, by its status. */
  #countResponse(status: number, host = this.host): void {
    const { stats } = this.#bound.cluster;
    stats.responses.count(status);
    (this.#isInternal() ? stats.internalResponses : stats.externalResponses).count(status);
    if (host === undefined) return;
    if (status >= 500) host.counters.rq_error++;
    else host.counters.rq_success++;
  }

  chargeTry(host: Host | undefined, status: number): void {
    this.#countResponse(status, host);
  }

  /** Whether it came from one of our own, as the connection manager or a route's headers say. */
  #isInternal(): boolean {
    return this.head.get('x-envoy-internal') === 'true';
  }

  onData(chunk: Buffer, end: boolean): void {
    if (wantedFacts.bodyTimes && this.info.upstreamBodyMs < 0) this.info.upstreamBodyMs = this.elapsedMs();
    if (end) this.#complete();
    this.#stream.respondData(chunk, end);
  }

  onTrailers(trailers: HeaderMap): void {
    this.#complete();
    this.#stream.respondTrailers(trailers);
  }

  #complete(): void {
    this.#over = true;
    const now = this.elapsedMs();
    this.info.upstreamLastReceivedMs = now;
    // The rest of a request whose response is already whole goes nowhere.
    if (!this.requestDone) {
      this.#sender?.cancel();
      return;
    }
    const { stats } = this.#bound.cluster;
    this.#countBudget(now);
    const took = Math.round(now - this.#requestDoneMs);
    stats.rqTime.record(took);
    (this.#isInternal() ? stats.internalRqTime : stats.externalRqTime).record(took);
  }

  onReset(reason: ResetReason, transportFailure: string): void {
    if (this.#over) return;
    this.#over = true;
    const { info } = this;
    info.flags |= resetFlag[reason];
    if (transportFailure !== '') info.upstreamTransportFailureReason = transportFailure;
    if (reason === 'timeout') this.#chargeTimeout();
    if (reason === 'timeout' || reason === 'per-try-timeout') this.#countBudget(this.elapsedMs());
    if (this.#responseStarted) this.#breakOff(reason, transportFailure);
    else this.#reply(reason, transportFailure);
  }

  /** As in Envoy, not of what ends before its time. */
  #countBudget(nowMs: number): void {
    const budgets = this.#bound.cluster.timeoutBudgets;
    if (budgets !== undefined) recordUse(budgets.whole, nowMs - this.#requestDoneMs, this.#patience.timeoutMs);
  }

  /** Nobody is charged while another try waits: no host was slow. Of several tries each is charged. */
  #chargeTimeout(): void {
    const tries = (this.givenUp ?? [{ host: this.host, slow: false }]).filter(({ host }) => host !== undefined);
    for (const [index, { host, slow }] of tries.entries()) {
      this.#bound.cluster.stats.rqTimeout.increment();
      host!.counters.rq_timeout++;
      // A response that began says that the host is there.
      if (!this.#responseStarted && !slow) host!.outlier?.timedOut();
      // The last one is counted with what the client is told.
      if (index < tries.length - 1) this.#countResponse(504, host);
      else this.host = host;
    }
    const attempt = this.info.attempts.at(-1);
    if (attempt !== undefined && tries.length > 0) attempt.flags |= flag.UPSTREAM_REQUEST_TIMEOUT;
  }

  #breakOff(reason: ResetReason, transportFailure: string): void {
    // Envoy counts gRPC alone.
    if (isGrpc(this.head)) this.#stream.stats.rqResetAfterDownstreamResponseStarted.increment();
    this.info.responseCodeDetails =
      reason === 'timeout'
        ? 'response_timeout'
        : resetDetails('upstream_reset_after_response_started', reason, transportFailure);
    this.#stream.abort();
  }

  #reply(reason: ResetReason, transportFailure: string): void {
    const reply = replyToReset(reason, transportFailure, this.#tries > 1);
    // As in Envoy a host that has said anything is not charged.
    if (!this.#interimCame && (reason !== 'timeout' || this.host !== undefined)) this.#countResponse(reply.status);
    this.#stream.localReply(reply.status, reply.body, reply.details, head => {
      this.#adorn(head);
      if (reply.overloaded && !this.#stream.suppressEnvoyHeaders) head.set('x-envoy-overloaded', 'true');
    });
  }

  /** What the route adds to every response, the upstream's or ours. */
  #adorn(head: ResponseHeaders): void {
    this.info.responseHeaders = head;
    this.#route.adorn(head, this.info);
    if (this.#route.host.includeAttemptCountInResponse) head.set('x-envoy-attempt-count', String(this.#tries));
  }

  onUpstreamCongested(congested: boolean): void {
    if (congested) this.#stream.pauseRequest();
    else this.#stream.resumeRequest();
  }
}
