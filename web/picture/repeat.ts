/** When what is asked for again and again is asked for, in milliseconds. */
export interface Pace {
  /** After it was woken: what wakes it takes a moment to be told elsewhere too. */
  firstMs: number;
  everyMs: number;
  /** How long it goes on after it was woken last. */
  forMs: number;
}

/** Does something again and again for a while after something happened, never twice at once, and then rests. */
export class Repeat {
  readonly #work: () => Promise<void>;
  readonly #pace: Pace;
  #until = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #working = false;
  #stopped = false;

  constructor(work: () => Promise<void>, pace: Pace) {
    this.#work = work;
    this.#pace = pace;
  }

  /** Something happened. */
  wake(): void {
    this.#until = Date.now() + this.#pace.forMs;
    if (this.#timer === null && !this.#working) this.#after(this.#pace.firstMs);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #after(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#go(), ms);
  }

  async #go(): Promise<void> {
    this.#timer = null;
    this.#working = true;
    await this.#work();
    this.#working = false;
    if (Date.now() < this.#until) this.#after(this.#pace.everyMs);
  }
}
