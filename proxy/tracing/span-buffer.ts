/** Spans that wait until there are enough of them, or they have waited long enough. */
import type { RuntimeNumber } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { Span } from './span.ts';

export interface BufferSettings {
  /** So many are sent at once. */
  minFlushSpans: RuntimeNumber;
  flushIntervalMs: RuntimeNumber;
  spansSent: Counter;
  timerFlushed: Counter;
  /** Takes some spans, at least one. */
  send(spans: readonly Span[]): void;
}

export class SpanBuffer {
  readonly #settings: BufferSettings;
  #spans: Span[] = [];
  #timer: NodeJS.Timeout;

  constructor(settings: BufferSettings) {
    this.#settings = settings;
    this.#timer = this.#startTimer();
  }

  add(span: Span): void {
    this.#spans.push(span);
    if (this.#spans.length >= this.#settings.minFlushSpans.value) this.#flush();
  }

  /** Sends the rest. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#flush();
  }

  #startTimer(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#settings.timerFlushed.increment();
      this.#flush();
      this.#timer = this.#startTimer();
    }, this.#settings.flushIntervalMs.value).unref();
  }

  #flush(): void {
    const spans = this.#spans;
    if (spans.length === 0) return;
    this.#spans = [];
    this.#settings.spansSent.add(spans.length);
    this.#settings.send(spans);
  }
}
