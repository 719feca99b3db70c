/** How many requests of the last while succeeded, in steps of a second. */
interface Step {
  startMs: number;
  requests: number;
  successes: number;
}

const stepMs = 1000;

export class SuccessHistory {
  requests = 0;
  successes = 0;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #steps: Step[] = [];

  /** @param now milliseconds of a clock that never goes back */
  constructor(windowMs: number, now: () => number = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** Whole requests a second, since the oldest that still counts. */
  averageRate(): number {
    this.#forget();
    const oldest = this.#steps[0];
    if (oldest === undefined) return 0;
    const seconds = Math.max(1, Math.floor((this.#now() - oldest.startMs) / 1000));
    return Math.floor(this.requests / seconds);
  }

  record(success: boolean): void {
    this.#forget();
    const now = this.#now();
    let step = this.#steps.at(-1);
    if (step === undefined || now - step.startMs >= stepMs) {
      step = { startMs: now, requests: 0, successes: 0 };
      this.#steps.push(step);
    }
    step.requests++;
    this.requests++;
    if (!success) return;
    step.successes++;
    this.successes++;
  }

  /** What is too old no longer counts. */
  #forget(): void {
    const until = this.#now() - this.#windowMs;
    while (this.#steps.length > 0 && this.#steps[0]!.startMs <= until) {
      const { requests, successes } = this.#steps.shift()!;
      this.requests -= requests;
      this.successes -= successes;
    }
  }
}
