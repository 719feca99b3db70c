import type { SpareRecord } from '../store/spare-store.ts';
import type { SandboxRecord } from '../store/store.ts';
import { Capacity } from './capacity.ts';

/** How many sandboxes there are at once; who comes later waits in order. */
export interface Places {
  /** How many there may be. */
  readonly maximum: number;
  /** Whether the next one has to wait, as far as this server knows. */
  readonly full: boolean;
  /** How many learners of this server wait. */
  readonly waiting: number;
  /** Lowers the maximum, to what turned out to be possible. */
  limit(maximum: number): void;
  /**
   * Waits for a place; answers how to give it back, once the sandbox is gone (doing so twice is harmless).
   *
   * @param tell called with one's place in the queue, from 1, whenever it changes
   * @throws UnicornError `no-capacity` when too many wait; the signal's reason when it is aborted
   */
  acquire(record: SandboxRecord, signal: AbortSignal, tell: (place: number) => void): Promise<() => void>;
  /** A place for one that waits for a learner; null where there is none. */
  takeSpare(record: SpareRecord): Promise<(() => void) | null>;
  /** Takes a place at once, even beyond the maximum: for sandboxes that are there already. */
  take(): () => void;
  /** Something changed at another server. */
  changed(): void;
  close(): void;
}

/** Those of a server that is alone. */
export class OwnPlaces implements Places {
  readonly #capacity: Capacity;

  constructor(maximum: number) {
    this.#capacity = new Capacity(maximum);
  }

  get maximum(): number {
    return this.#capacity.maximum;
  }

  get full(): boolean {
    return this.#capacity.full;
  }

  get waiting(): number {
    return this.#capacity.waiting;
  }

  limit(maximum: number): void {
    this.#capacity.limit(maximum);
  }

  acquire(_: SandboxRecord, signal: AbortSignal, tell: (place: number) => void): Promise<() => void> {
    return this.#capacity.acquire(signal, tell);
  }

  async takeSpare(): Promise<(() => void) | null> {
    return this.full ? null : this.take();
  }

  take(): () => void {
    return this.#capacity.take();
  }

  changed(): void {}

  close(): void {}
}
