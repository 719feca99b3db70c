/** The layer that tries again. It keeps the request's body until a response is accepted. */
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import { KeptRequest } from './kept-request.ts';
import { Relay } from './relay.ts';
import { type RetrySettings, RetryState } from './retry-state.ts';
import { deadSender, type Exchange, type Layer, type Upstream } from './upstream.ts';

export function retry(settings: RetrySettings): Layer {
  return inner => ({
    open(exchange, end, receiver) {
      if (!settings.policy.appliesTo(exchange.head)) return inner.open(exchange, end, receiver);
      return new RetriedRequest(settings, inner, exchange, receiver, end).open(end);
    },
  });
}

class RetriedRequest extends Relay {
  readonly #settings: RetrySettings;
  readonly #upstream: Upstream;
  readonly #exchange: Exchange;
  readonly #kept: KeptRequest;
  readonly #state: RetryState;
  #sent = false;
  /** A response goes to the client, or the body was too large to keep: no more tries. */
  #committed = false;
  #abandoned = false;
  #paused = 0;

  constructor(
    settings: RetrySettings,
    upstream: Upstream,
    exchange: Exchange,
    receiver: ResponseReceiver,
    end: boolean,
  ) {
    super(receiver);
    this.#settings = settings;
    this.#upstream = upstream;
    this.#exchange = exchange;
    this.#kept = new KeptRequest(exchange.bufferLimit, end);
    this.#state = new RetryState(settings, exchange.info);
  }

  open(end: boolean): RequestSender {
    this.#sent = false;
    const tries = this.#state.retries;
    const sender = this.#upstream.open(this.#exchange, end, this);
    // Where the try failed within the call, what it returned is dead already.
    if (tries === this.#state.retries && !this.#state.waits) this.inner = sender;
    return this;
  }

  override sendData(chunk: Buffer, end: boolean): void {
    this.#kept.end = end;
    if (!this.#committed && !this.#abandoned && !this.#kept.keep(chunk)) this.#abandon();
    if (!this.over) this.inner.sendData(chunk, end);
  }

  #abandon(): void {
    this.#abandoned = true;
    this.#settings.stats.retryOrShadowAbandoned.increment();
    if (this.#state.waits) this.#fail('retry-buffer-overflow', '');
    else this.#state.release();
  }

  override sendTrailers(trailers: HeaderMap): void {
    this.#kept.keepTrailers(trailers);
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
    this.#kept.drop();
    super.onInterim(head);
  }

  override onHead(head: ResponseHeaders, end: boolean): void {
    if (this.over) return;
    if (!this.#committed && !this.#abandoned) {
      const wanted = this.#settings.policy.retriesResponse(head);
      if (this.#state.decide(wanted, head.status)) {
        this.#repeatAfter(head, end);
        return;
      }
    }
    this.#committed = true;
    this.#kept.drop();
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
      if (this.#state.decide(wanted, reason)) {
        this.inner = deadSender;
        this.#schedule(reason === 'per-try-timeout');
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

  /** Drops a response and waits for the next try. */
  #repeatAfter(head: ResponseHeaders, end: boolean): void {
    this.#settings.stats.retriedResponses.count(head.status);
    const sender = this.inner;
    this.inner = deadSender;
    if (!end || !this.#kept.end) sender.cancel();
    this.#schedule(false, head);
  }

  #schedule(timedOut: boolean, head?: ResponseHeaders): void {
    const { host, triedHosts } = this.#exchange;
    if (host !== undefined) {
      host.counters.rq_error++;
      triedHosts.push(host);
    }
    this.#exchange.host = undefined;
    this.#state.schedule(() => this.#repeat(timedOut), head);
  }

  #repeat(timedOut: boolean): void {
    const state = this.#state;
    const { retries } = state;
    this.#exchange.beforeRetry(retries, timedOut);
    this.open(this.#kept.endsWithHead);
    for (let i = 0; i < this.#paused; i++) this.inner.pauseReading();
    this.#kept.replay(() => (retries === state.retries ? this.inner : undefined));
  }

  #stop(): void {
    this.#kept.drop();
    this.#state.stop();
  }
}
