/** The layer that tries again. It keeps the request's body until a response is accepted. */
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { ResourceLimits } from '../cluster/resource-limits.ts';
import type { TryEnd } from '../explain/decisions.ts';
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import type { RetryPolicy } from '../routing/retry-policy.ts';
import { flag } from '../stream-info.ts';
import { Relay } from './relay.ts';
import { deadSender, type Exchange, type Layer, type Upstream } from './upstream.ts';

export interface RetrySettings {
  policy: RetryPolicy;
  stats: ClusterStats;
  limits: ResourceLimits;
}

export function retry(settings: RetrySettings): Layer {
  return inner => ({
    open(exchange, end, receiver) {
      if (!settings.policy.appliesTo(exchange.head)) return inner.open(exchange, end, receiver);
      return new RetriedRequest(settings, inner, exchange, receiver).open(end);
    },
  });
}

class RetriedRequest extends Relay {
  readonly #settings: RetrySettings;
  readonly #upstream: Upstream;
  readonly #exchange: Exchange;
  #end = false;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #trailers: HeaderMap | undefined;
  #retries = 0;
  #sent = false;
  /** A response goes to the client, or the body was too large to keep: no more tries. */
  #committed = false;
  #abandoned = false;
  /** One of the cluster's retries is taken. */
  #holdsRetry = false;
  #backOff: NodeJS.Timeout | undefined;
  #paused = 0;

  constructor(settings: RetrySettings, upstream: Upstream, exchange: Exchange, receiver: ResponseReceiver) {
    super(receiver);
    this.#settings = settings;
    this.#upstream = upstream;
    this.#exchange = exchange;
  }

  open(end: boolean): RequestSender {
    this.#end = end;
    this.#openTry(end);
    return this;
  }

  #openTry(end: boolean): void {
    this.#sent = false;
    const tries = this.#retries;
    const sender = this.#upstream.open(this.#exchange, end, this);
    // Where the try failed within the call, what it returned is dead already.
    if (tries === this.#retries && this.#backOff === undefined) this.inner = sender;
  }

  override sendData(chunk: Buffer, end: boolean): void {
    this.#end = end;
    if (!this.#committed && !this.#abandoned) this.#keep(chunk);
    if (!this.over) this.inner.sendData(chunk, end);
  }

  #keep(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes <= this.#exchange.bufferLimit) {
      this.#body.push(Buffer.from(chunk));
      return;
    }
    this.#abandoned = true;
    this.#body = [];
    this.#settings.stats.retryOrShadowAbandoned.increment();
    if (this.#backOff !== undefined) this.#fail('retry-buffer-overflow', '');
    else this.#release();
  }

  override sendTrailers(trailers: HeaderMap): void {
    this.#end = true;
    this.#trailers = trailers;
    if (!this.over) this.inner.sendTrailers(trailers);
  }

  override cancel(): void {
    this.#stop();
    super.cancel();
  }

  override pauseReading(): void {
    this.#paused++;
    this.inner.pauseReading();
  }

  override resumeReading(): void {
    this.#paused--;
    this.inner.resumeReading();
  }

  override onSent(): void {
    this.#sent = true;
    super.onSent();
  }

  /** As in Envoy: what the host does next may not be done by another one. */
  override onInterim(head: ResponseHeaders): void {
    this.#committed = true;
    this.#body = [];
    super.onInterim(head);
  }

  override onHead(head: ResponseHeaders, end: boolean): void {
    if (this.over) return;
    if (!this.#committed && !this.#abandoned) {
      const wanted = this.#settings.policy.retriesResponse(head);
      if (this.#decide(wanted, head.status)) {
        this.#repeatAfter(head, end);
        return;
      }
    }
    this.#committed = true;
    this.#body = [];
    super.onHead(head, end);
    if (end) this.#stop();
  }

  override onData(chunk: Buffer, end: boolean): void {
    super.onData(chunk, end);
    if (end) this.#stop();
  }

  override onTrailers(trailers: HeaderMap): void {
    super.onTrailers(trailers);
    this.#stop();
  }

  override onReset(reason: ResetReason, transportFailure: string): void {
    if (this.over) return;
    if (!this.#committed && !this.#abandoned) {
      const wanted = this.#settings.policy.retriesReset(reason, this.#sent);
      if (this.#decide(wanted, reason)) {
        this.inner = deadSender;
        this.#schedule();
        return;
      }
    }
    this.#fail(reason, transportFailure);
  }

  #fail(reason: ResetReason, transportFailure: string): void {
    this.#stop();
    this.over = true;
    this.receiver.onReset(reason, transportFailure);
  }

  /** Counts what the outcome of a try means, as Envoy does; true where another try begins. */
  #decide(wanted: boolean, end: TryEnd): boolean {
    const { policy, stats, limits } = this.#settings;
    const { decisions } = this.#exchange.info;
    if (this.#holdsRetry && !wanted) stats.rqRetrySuccess.increment();
    this.#release();
    if (!wanted) {
      decisions?.notRetried(end);
      return false;
    }
    if (this.#retries >= policy.retries) {
      stats.rqRetryLimitExceeded.increment();
      this.#exchange.info.flags |= flag.UPSTREAM_RETRY_LIMIT_EXCEEDED;
      decisions?.retriesSpent(end, this.#retries);
      return false;
    }
    this.#retries++;
    if (!limits.retryAvailable) {
      stats.rqRetryOverflow.increment();
      this.#exchange.info.flags |= flag.UPSTREAM_OVERFLOW;
      decisions?.retryOverflowed();
      return false;
    }
    this.#holdsRetry = true;
    limits.takeRetry();
    decisions?.retried(this.#retries, end);
    return true;
  }

  /** Drops a response and waits for the next try. */
  #repeatAfter(head: ResponseHeaders, end: boolean): void {
    this.#settings.stats.retriedResponses.count(head.status);
    const { host } = this.#exchange;
    if (host !== undefined) host.counters.rq_error++;
    const sender = this.inner;
    this.inner = deadSender;
    if (!end || !this.#end) sender.cancel();
    this.#schedule();
  }

  #schedule(): void {
    const { host, triedHosts } = this.#exchange;
    if (host !== undefined) triedHosts.push(host);
    this.#exchange.host = undefined;
    this.#backOff = setTimeout(() => this.#repeat(), this.#settings.policy.backOffMs(this.#retries));
  }

  #repeat(): void {
    this.#backOff = undefined;
    this.#settings.stats.rqRetry.increment();
    this.#settings.stats.rqRetryBackoffExponential.increment();
    this.#exchange.beforeRetry(this.#retries);
    const retries = this.#retries;
    const body = this.#body;
    const headEnds = this.#end && body.length === 0 && this.#trailers === undefined;
    this.#openTry(headEnds);
    for (let i = 0; i < this.#paused; i++) this.inner.pauseReading();
    for (let i = 0; i < body.length && retries === this.#retries; i++) {
      this.inner.sendData(body[i]!, this.#end && this.#trailers === undefined && i === body.length - 1);
    }
    if (this.#trailers !== undefined && retries === this.#retries) this.inner.sendTrailers(this.#trailers);
  }

  #release(): void {
    if (!this.#holdsRetry) return;
    this.#holdsRetry = false;
    this.#settings.limits.giveRetry();
  }

  #stop(): void {
    clearTimeout(this.#backOff);
    this.#backOff = undefined;
    this.#body = [];
    this.#release();
  }
}
