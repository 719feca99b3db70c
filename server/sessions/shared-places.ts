import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { PlaceStore } from '../store/place-store.ts';
import type { SpareRecord } from '../store/spare-store.ts';
import type { SandboxRecord } from '../store/store.ts';
import { StoreUnavailable } from '../store/unavailable.ts';
import { longestQueue, tooManyWait } from './capacity.ts';
import type { Places } from './places.ts';

/** Who waits looks by themselves so often: what another server tells may get lost. */
const lookEveryMs = 2000;

interface Waiting {
  record: SandboxRecord;
  place: number;
  tell(place: number): void;
  admit(release: () => void): void;
}

export interface SharedPlacesOptions {
  store: PlaceStore;
  replicas: Replicas;
  log: Log;
  maximum: number;
}

/**
 * Those that all servers of a class have together: counted, and waited for in one queue, in the store. While the database is away each server counts its
 * own, so that learners go on.
 */
export class SharedPlaces implements Places {
  /** Called when learners wait, for each place that is missing: a sandbox that waits for nobody gives way. */
  makeRoom: () => void = () => {};
  readonly #options: SharedPlacesOptions;
  readonly #waiting = new Map<string, Waiting>();
  #maximum: number;
  #held = 0;
  #known = 0;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #again = false;
  #closed = false;

  constructor(options: SharedPlacesOptions) {
    this.#options = options;
    this.#maximum = options.maximum;
  }

  get maximum(): number {
    return this.#maximum;
  }

  get full(): boolean {
    return Math.max(this.#known, this.#held) >= this.#maximum;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  limit(maximum: number): void {
    this.#maximum = Math.min(this.#maximum, maximum);
  }

  async acquire(record: SandboxRecord, signal: AbortSignal, tell: (place: number) => void): Promise<() => void> {
    signal.throwIfAborted();
    const place = await this.#ask(record);
    if (place === null) return this.take();
    const { learner } = record;
    if (signal.aborted || place > longestQueue) {
      await this.#leave(learner);
      signal.throwIfAborted();
      throw tooManyWait();
    }
    tell(place);
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    this.#waiting.set(learner, { record, place, tell, admit: resolve });
    const leave = () => {
      this.#waiting.delete(learner);
      void this.#leave(learner);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#options.replicas.tell({ kind: 'places' });
    this.#look();
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  async takeSpare(record: SpareRecord): Promise<(() => void) | null> {
    return (await this.#options.store.askForSpare(record, this.#maximum)) ? this.take() : null;
  }

  take(): () => void {
    this.#held++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#held--;
      this.#options.replicas.tell({ kind: 'places' });
      this.#look();
    };
  }

  changed(): void {
    this.#look();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #ask(record: SandboxRecord): Promise<number | null> {
    try {
      return await this.#options.store.ask(record, this.#options.replicas.id, this.#maximum);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return this.#held < this.#maximum ? null : (this.#waiting.get(record.learner)?.place ?? this.#waiting.size + 1);
    }
  }

  async #leave(learner: string): Promise<void> {
    try {
      await this.#options.store.leave(learner);
      this.#options.replicas.tell({ kind: 'places' });
    } catch (error) {
      this.#options.log.warn('somebody who left the queue stands in it', { learner, cause: messageOf(error) });
    }
    this.#look();
  }

  /** One look at a time; what changes meanwhile is looked at after it. */
  #look(): void {
    this.#again = true;
    this.#looking ??= this.#lookWhileChanged()
      .catch(error => this.#options.log.debug('the queue waits', { cause: messageOf(error) }))
      .finally(() => {
        this.#looking = null;
        this.#lookLater();
      });
  }

  #lookLater(): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#closed || this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => this.#look(), lookEveryMs);
    this.#timer.unref();
  }

  async #lookWhileChanged(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      await this.#lookNow();
    }
  }

  async #lookNow(): Promise<void> {
    const { used, queue } = await this.#options.store.state();
    this.#known = used;
    const missing = queue.length - (this.#maximum - used);
    for (let count = 0; count < missing; count++) this.makeRoom();
    for (const waiting of [...this.#waiting.values()]) await this.#serve(waiting, queue, used);
  }

  async #serve(waiting: Waiting, queue: string[], used: number): Promise<void> {
    const { learner } = waiting.record;
    const ahead = queue.indexOf(learner);
    // Whoever is not in it any more, or has a place free, asks again.
    const place = ahead < 0 || used + ahead < this.#maximum ? await this.#ask(waiting.record) : ahead + 1;
    // They may have left meanwhile.
    if (this.#waiting.get(learner) !== waiting) return;
    if (place === null) {
      this.#waiting.delete(learner);
      waiting.admit(this.take());
    } else if (place !== waiting.place) {
      waiting.place = place;
      waiting.tell(place);
    }
  }
}
