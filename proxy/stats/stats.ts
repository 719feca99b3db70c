/** The kinds of stats. Counting is one addition on a field. */
import { LogLinearHistogram } from './log-linear-histogram.ts';

/** Goes up only. */
export class Counter {
  readonly name: string;
  value = 0;
  /** Whether it was ever counted; stays when counters are reset. */
  used = false;

  constructor(name: string) {
    this.name = name;
  }

  increment(): void {
    this.value++;
    this.used = true;
  }

  add(amount: number): void {
    this.value += amount;
    this.used = true;
  }
}

/** Goes up and down. */
export class Gauge {
  readonly name: string;
  value = 0;
  /** Whether it was ever set. */
  used = false;
  /** The value where it is larger than a number can tell. */
  exact: bigint | undefined = undefined;
  /** What each other worker has, where there are some: `value` is what is here. */
  others: number[] | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }

  set(value: number): void {
    this.value = value;
    this.used = true;
  }

  increment(): void {
    this.value++;
    this.used = true;
  }

  /** As it is over all workers. */
  get whole(): Gauge {
    if (this.others === undefined) return this;
    const whole = new Gauge(this.name);
    whole.value = this.others.reduce((sum, one) => sum + one, this.value);
    whole.used = this.used;
    return whole;
  }

  setExact(value: bigint): void {
    this.set(Number(value));
    this.exact = value;
  }

  decrement(): void {
    this.value--;
    this.used = true;
  }

  add(amount: number): void {
    this.value += amount;
    this.used = true;
  }
}

/** A text, such as a version. */
export class TextReadout {
  readonly name: string;
  value = '';

  constructor(name: string) {
    this.name = name;
  }

  get used(): boolean {
    return this.value !== '';
  }

  set(value: string): void {
    this.value = value;
  }
}

/** Hears of each value as it is recorded; undefined: nobody does. */
export interface RecordListener {
  onRecord: ((name: string, value: number) => void) | undefined;
}

/** A distribution of integers: what was recorded since the last flush is seen at the next one. */
export class Histogram {
  readonly name: string;
  /** What the last flushed interval held. */
  interval = new LogLinearHistogram();
  readonly cumulative = new LogLinearHistogram();
  #pending = new LogLinearHistogram();
  readonly #listener: RecordListener | undefined;

  constructor(name: string, listener?: RecordListener) {
    this.name = name;
    this.#listener = listener;
  }

  get used(): boolean {
    return this.cumulative.count > 0;
  }

  record(value: number): void {
    this.#pending.record(value);
    this.#listener?.onRecord?.(this.name, value);
  }

  /** What was recorded since the last flush. */
  get pending(): LogLinearHistogram {
    return this.#pending;
  }

  flush(): void {
    const recycled = this.interval;
    this.interval = this.#pending;
    this.#pending = recycled;
    recycled.clear();
    this.cumulative.merge(this.interval);
  }
}
