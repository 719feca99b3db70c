/** The layer that sends another try beside one that takes too long. Who answers first, and well, answers the client. */
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import { HedgedTry, type TryOwner } from './hedged-try.ts';
import { KeptRequest } from './kept-request.ts';
import { resetStatus } from './resets.ts';
import { type RetrySettings, RetryState } from './retry-state.ts';
import type { Exchange, Layer, Upstream } from './upstream.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#request-hedging */
export function hedge(settings: RetrySettings): Layer {
  return inner => ({
    open(exchange, end, receiver) {
      return new HedgedRequest(settings, inner, exchange, receiver, end).start(end);
    },
  });
}

class HedgedRequest implements RequestSender, TryOwner {
  readonly receiver: ResponseReceiver;
  winner: HedgedTry | undefined = undefined;
  readonly #settings: RetrySettings;
  readonly #upstream: Upstream;
  readonly #exchange: Exchange;
  readonly #kept: KeptRequest;
  readonly #state: RetryState;
  /** Those under way, the oldest first. */
  #tries: HedgedTry[] = [];
  /** No further try: it is not one to repeat, or the body was too large to keep. */
  #abandoned: boolean;
  #over = false;
  #paused = 0;

  constructor(
    settings: RetrySettings,
    upstream: Upstream,
    exchange: Exchange,
    receiver: ResponseReceiver,
    end: boolean,
  ) {
    this.#settings = settings;
    this.#upstream = upstream;
    this.#exchange = exchange;
    this.receiver = receiver;
    this.#kept = new KeptRequest(exchange.bufferLimit, end);
    this.#state = new RetryState(settings, exchange.info);
    this.#abandoned = !settings.policy.appliesTo(exchange.head);
  }

  start(end: boolean): RequestSender {
    this.#openTry(end);
    return this;
  }

  #openTry(end: boolean): HedgedTry {
    const one = new HedgedTry(this, this.#exchange);
    this.#tries.push(one);
    one.open(this.#upstream, end);
    return one;
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.#kept.end = end;
    if (this.#mayRetry && !this.#kept.keep(chunk)) this.#abandon();
    // A request that is not whole has one try at most: none is too slow before.
    this.#tries.at(-1)?.sender.sendData(chunk, end);
  }

  get #mayRetry(): boolean {
    return this.winner === undefined && !this.#abandoned;
  }

  #abandon(): void {
    this.#abandoned = true;
    this.#settings.stats.retryOrShadowAbandoned.increment();
    if (this.#state.waits) this.#fail('retry-buffer-overflow', '');
    else this.#state.release();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#over) return;
    this.#kept.keepTrailers(trailers);
    this.#tries.at(-1)?.sender.sendTrailers(trailers);
  }

  cancel(): void {
    if (this.#over) return;
    // They are charged for a timeout of the whole, which this may be.
    if (this.winner === undefined) this.#exchange.givenUp = this.#tries.map(({ host, slow }) => ({ host, slow }));
    this.#end();
    for (const one of this.#tries) one.cancel();
  }

  pauseReading(): void {
    this.#paused++;
    this.winner?.sender.pauseReading();
  }

  resumeReading(): void {
    this.#paused--;
    this.winner?.sender.resumeReading();
  }

  onTrySlow(one: HedgedTry): void {
    if (!this.#mayRetry || !this.#state.decide(true, 'per-try-timeout')) return;
    one.retried = true;
    this.#repeatAfter(one, true);
  }

  onTryInterim(one: HedgedTry, head: ResponseHeaders): void {
    this.#choose(one);
    this.receiver.onInterim(head);
  }

  onTryHead(one: HedgedTry, head: ResponseHeaders, end: boolean): void {
    if (this.#mayRetry) {
      const wanted = this.#settings.policy.retriesResponse(head);
      if (!one.retried && this.#state.decide(wanted, head.status)) {
        this.#settings.stats.retriedResponses.count(head.status);
        this.#drop(one, end);
        this.#repeatAfter(one, false, head);
        return;
      }
      if (wanted && this.#awaitsOthers(one)) {
        this.#drop(one, end);
        return;
      }
    }
    this.#choose(one);
    this.receiver.onHead(head, end);
    if (end) this.onTryDone();
  }

  #awaitsOthers(one: HedgedTry): boolean {
    return this.#state.waits || this.#tries.some(other => other !== one);
  }

  /** What it answered does not count. */
  #drop(one: HedgedTry, end: boolean): void {
    if (one.host !== undefined) one.host.counters.rq_error++;
    this.#remove(one);
    if (!end || !this.#kept.end) one.cancel();
  }

  #remove(one: HedgedTry): void {
    this.#tries = this.#tries.filter(other => other !== one);
  }

  #choose(winner: HedgedTry): void {
    if (this.winner !== undefined) return;
    this.winner = winner;
    this.#kept.drop();
    this.#state.stop();
    winner.tell();
    for (const one of this.#tries) if (one !== winner) one.cancel();
    this.#tries = [winner];
    for (let i = 0; i < this.#paused; i++) winner.sender.pauseReading();
  }

  onTryReset(one: HedgedTry, reason: ResetReason, transportFailure: string): void {
    this.#remove(one);
    if (this.#mayRetry && !one.retried) {
      const wanted = this.#settings.policy.retriesReset(reason, one.sent);
      if (this.#state.decide(wanted, reason)) {
        if (one.host !== undefined) one.host.counters.rq_error++;
        this.#repeatAfter(one, false);
        return;
      }
    }
    if (this.winner === undefined && this.#awaitsOthers(one)) {
      this.#exchange.chargeTry?.(one.host, resetStatus(reason));
      return;
    }
    one.tell();
    this.#fail(reason, transportFailure);
  }

  #fail(reason: ResetReason, transportFailure: string): void {
    this.#end();
    for (const one of this.#tries) one.cancel();
    this.receiver.onReset(reason, transportFailure);
  }

  #repeatAfter({ host }: HedgedTry, timedOut: boolean, head?: ResponseHeaders): void {
    if (host !== undefined) this.#exchange.triedHosts.push(host);
    this.#state.schedule(() => this.#repeat(timedOut), head);
  }

  #repeat(timedOut: boolean): void {
    this.#exchange.beforeRetry(this.#state.retries, timedOut);
    const one = this.#openTry(this.#kept.endsWithHead);
    this.#kept.replay(() => (this.#tries.includes(one) ? one.sender : undefined));
  }

  onTryDone(): void {
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#kept.drop();
    this.#state.stop();
  }
}
