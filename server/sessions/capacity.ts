import { UnicornError } from '../errors.ts';

export const longestQueue = 1000;
export const tooManyWait = (): UnicornError =>
  new UnicornError('no-capacity', 'Too many wait for a sandbox already.', 'Try again in some minutes.');

interface Waiting {
  admit(release: () => void): void;
  tell(place: number): void;
}

/** How many sandboxes run at once; who comes later waits in order. */
export class Capacity {
  #maximum: number;
  #used = 0;
  readonly #queue: Waiting[] = [];

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** How many may run at once. */
  get maximum(): number {
    return this.#maximum;
  }

  /** Whether the next one has to wait. */
  get full(): boolean {
    return this.#used >= this.#maximum;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Lowers the maximum, to what turned out to be possible. */
  limit(maximum: number): void {
    this.#maximum = Math.min(this.#maximum, maximum);
  }

  /**
   * Waits for a place; answers how to give it back (doing so twice is harmless).
   *
   * @param tell called with one's place in the queue, from 1, whenever it changes
   * @throws UnicornError `no-capacity` when too many wait; the signal's reason when it is aborted
   */
  async acquire(signal: AbortSignal, tell: (place: number) => void): Promise<() => void> {
    signal.throwIfAborted();
    if (!this.full) return this.take();
    if (this.#queue.length >= longestQueue) throw tooManyWait();
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiting: Waiting = { admit: resolve, tell };
    const leave = () => {
      this.#queue.splice(this.#queue.indexOf(waiting), 1);
      this.#tellPlaces();
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#queue.push(waiting);
    tell(this.#queue.length);
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  /** Takes a place at once, even beyond the maximum: for sandboxes that are there already. */
  take(): () => void {
    this.#used++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#used--;
      this.#admitNext();
    };
  }

  #admitNext(): void {
    while (this.#used < this.#maximum) {
      const next = this.#queue.shift();
      if (!next) return;
      next.admit(this.take());
    }
    this.#tellPlaces();
  }

  #tellPlaces(): void {
    for (const [index, waiting] of this.#queue.entries()) waiting.tell(index + 1);
  }
}
