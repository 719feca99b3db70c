/** The terminal filter: sends a request to the cluster of its route and passes the response back. */
import type { Host } from '../cluster/host.ts';
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { MetadataCriteria } from '../load-balancing/metadata-criteria.ts';
import type { BoundCluster, ClusterAction } from '../routing/cluster-action.ts';
import type { Patience } from '../routing/patience.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import { replyToReset, resetDetails, resetFlag } from '../upstream/resets.ts';
import type { Exchange } from '../upstream/upstream.ts';
import { Mirror } from './mirror.ts';
import type { RouterStats } from './router-stats.ts';

/** What the router asks of the stream that it serves. */
export interface RoutedStream {
  readonly info: StreamInfo;
  readonly stats: RouterStats;
  /** The router's own settings. */
  readonly suppressEnvoyHeaders: boolean;
  readonly bufferLimit: number;
  /** The number of this request by which shares are decided. */
  random(): number;
  elapsedMs(): number;
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
  readonly hostSelectionAttempts: number;
  readonly metadataMatch: MetadataCriteria | undefined;
  readonly bufferLimit: number;
  readonly #stream: RoutedStream;
  readonly #route: RouteEntry;
  readonly #action: ClusterAction;
  /** As it was when the request came: an update goes to those that come later. */
  readonly #bound: BoundCluster;
  readonly #patience: Patience;
  #sender: RequestSender | undefined;
  #mirror: Mirror | undefined;
  #requestDoneMs = 0;
  #tries = 1;
  #responseStarted = false;
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
    this.bufferLimit = stream.bufferLimit;
    this.metadataMatch = action.metadataMatch;
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
    if (this.#action.mirrorPolicies.length > 0)
      this.#mirror = Mirror.of(this.#action, head, this.#stream.random(), this.bufferLimit);
    info.upstreamAttemptCount = 1;
    const sender = this.#bound.upstream.open(this, end, this);
    if (this.#over) return;
    this.#sender = sender;
    // After the request itself, as Envoy does: where that failed at once there is no copy.
    if (end) this.#mirror?.send();
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
  }

  /** Tells the upstream how long it may take: what is left of the whole, or the time of one try. */
  #setTimeoutHeader(elapsedMs: number): void {
    const { timeoutMs, retryPolicy } = this.#patience;
    const perTryMs = retryPolicy?.perTryTimeoutMs ?? 0;
    const usePerTry = perTryMs > 0 && (timeoutMs === 0 || perTryMs < timeoutMs);
    let expected = usePerTry ? perTryMs : timeoutMs;
    if (timeoutMs > 0 && elapsedMs > 0) {
      const left = Math.floor(timeoutMs - elapsedMs);
      expected = left <= 0 ? 1 : Math.min(left, expected);
    }
    if (expected > 0) this.head.set('x-envoy-expected-rq-timeout-ms', String(Math.floor(expected)));
  }

  beforeRetry(retry: number): void {
    this.#tries = retry + 1;
    this.info.upstreamAttemptCount = this.#tries;
    if (!this.#stream.suppressEnvoyHeaders) this.#setTimeoutHeader(this.elapsedMs());
    if (this.#route.host.includeAttemptCount) this.head.set('x-envoy-attempt-count', String(this.#tries));
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (end) this.#noteRequestDone();
    if (this.#mirror?.data(chunk, end) === false) this.#bound.cluster.stats.retryOrShadowAbandoned.increment();
    this.#sender?.sendData(chunk, end);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#noteRequestDone();
    this.#mirror?.send(trailers);
    this.#sender?.sendTrailers(trailers);
  }

  /** The client has gone, or was answered otherwise. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sender?.cancel();
  }

  congested(congested: boolean): void {
    if (congested) this.#sender?.pauseReading();
    else this.#sender?.resumeReading();
  }

  onSent(): void {
    this.info.upstreamFirstSentMs = this.elapsedMs();
  }

  onInterim(head: ResponseHeaders): void {
    if (head.status !== 100) this.#stream.respondInterim(head);
  }

  onHead(head: ResponseHeaders, end: boolean): void {
    const { info } = this;
    this.#responseStarted = true;
    this.#status = head.status;
    const now = this.elapsedMs();
    info.upstreamFirstReceivedMs = now;
    info.responseCodeDetails = 'via_upstream';
    if (!this.#stream.suppressEnvoyHeaders && this.requestDone) {
      head.set('x-envoy-upstream-service-time', String(Math.floor(now - this.#requestDoneMs)));
    }
    for (const cookie of this.#setCookies ?? []) head.add('set-cookie', cookie);
    this.#adorn(head);
    this.#countResponse(head.status);
    if (end) this.#complete();
    this.#stream.respond(head, end);
  }

  /** Counts the final answer, the upstream's or ours, by its status. */
  #countResponse(status: number): void {
    const { stats } = this.#bound.cluster;
    stats.responses.count(status);
    stats.externalResponses.count(status);
    if (this.host === undefined) return;
    if (status >= 500) this.host.counters.rq_error++;
    else this.host.counters.rq_success++;
  }

  onData(chunk: Buffer, end: boolean): void {
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
    const took = Math.round(now - this.#requestDoneMs);
    stats.rqTime.record(took);
    stats.externalRqTime.record(took);
  }

  onReset(reason: ResetReason, transportFailure: string): void {
    if (this.#over) return;
    this.#over = true;
    const { info } = this;
    info.flags |= resetFlag[reason];
    if (transportFailure !== '') info.upstreamTransportFailureReason = transportFailure;
    if (reason === 'timeout') this.#chargeTimeout();
    if (this.#responseStarted) this.#breakOff(reason, transportFailure);
    else this.#reply(reason, transportFailure);
  }

  /** Nobody is charged while another try waits: no host was slow. */
  #chargeTimeout(): void {
    const { host, info } = this;
    if (host === undefined) return;
    this.#bound.cluster.stats.rqTimeout.increment();
    host.counters.rq_timeout++;
    // A response that began says that the host is there.
    if (!this.#responseStarted) host.outlier?.timedOut();
    const attempt = info.attempts.at(-1);
    if (attempt !== undefined) attempt.flags |= flag.UPSTREAM_REQUEST_TIMEOUT;
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
    if (reason !== 'timeout' || this.host !== undefined) this.#countResponse(reply.status);
    this.#stream.localReply(reply.status, reply.body, reply.details, head => {
      this.#adorn(head);
      if (reply.overloaded && !this.#stream.suppressEnvoyHeaders) head.set('x-envoy-overloaded', 'true');
    });
  }

  /** What the route adds to every response, the upstream's or ours. */
  #adorn(head: ResponseHeaders): void {
    for (const mutations of this.#route.responseMutations) mutations.apply(head, this.info);
    if (this.#route.host.includeAttemptCountInResponse) head.set('x-envoy-attempt-count', String(this.#tries));
  }

  onUpstreamCongested(congested: boolean): void {
    if (congested) this.#stream.pauseRequest();
    else this.#stream.resumeRequest();
  }
}
