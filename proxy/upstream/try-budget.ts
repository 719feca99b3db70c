/** A layer that measures how much of its time each try uses, whatever becomes of it. One that is given up is not counted. */
import { recordUse } from '../cluster/timeout-budgets.ts';
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import type { Histogram } from '../stats/stats.ts';
import { Relay } from './relay.ts';
import type { Exchange, Layer, Upstream } from './upstream.ts';

/** @param limitMs of a try; 0: for ever */
export function tryBudget(budget: Histogram, limitMs: number): Layer {
  return inner => ({
    open: (exchange, end, receiver) => new MeasuredTry(receiver, budget, limitMs).open(inner, exchange, end),
  });
}

class MeasuredTry extends Relay {
  readonly #budget: Histogram;
  readonly #limitMs: number;
  readonly #startedMs = performance.now();

  constructor(receiver: ResponseReceiver, budget: Histogram, limitMs: number) {
    super(receiver);
    this.#budget = budget;
    this.#limitMs = limitMs;
  }

  open(inner: Upstream, exchange: Exchange, end: boolean): RequestSender {
    this.inner = inner.open(exchange, end, this);
    return this;
  }

  #record(): void {
    if (!this.over) recordUse(this.#budget, performance.now() - this.#startedMs, this.#limitMs);
  }

  override onHead(head: ResponseHeaders, end: boolean): void {
    if (end) this.#record();
    super.onHead(head, end);
  }

  override onData(chunk: Buffer, end: boolean): void {
    if (end) this.#record();
    super.onData(chunk, end);
  }

  override onTrailers(trailers: HeaderMap): void {
    this.#record();
    super.onTrailers(trailers);
  }

  override onReset(reason: ResetReason, transportFailure: string): void {
    // Without a host there was no try.
    if (reason !== 'no-healthy-host') this.#record();
    super.onReset(reason, transportFailure);
  }
}
