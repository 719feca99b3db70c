import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { StoreUnavailable } from '../store/unavailable.ts';

const retryMs = 1000;

type Write = () => Promise<void>;

/**
 * Writes what a session has in memory to the store. Each write is of the newest state of one thing, its key; those of one key go one after the other.
 * While the database is away they wait here, the last of each key, and are written when it is back.
 */
export class Saving {
  readonly #log: Log;
  readonly #writing = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Write>();
  readonly #listeners = new Set<(paused: boolean) => void>();
  #retrying: Promise<void> | null = null;
  #closed = new AbortController();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Something waits for the database. */
  get paused(): boolean {
    return this.#waiting.size > 0;
  }

  /** Tells when saving pauses, and when all is saved again. */
  onPause(listener: (paused: boolean) => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves when it is written, or waits to be written. @throws what the store throws, but not that it is away */
  save(key: string, write: Write): Promise<void> {
    const before = this.#writing.get(key) ?? Promise.resolve();
    const writing = before.catch(() => {}).then(() => this.#write(key, write));
    this.#writing.set(key, writing);
    return writing.finally(() => {
      if (this.#writing.get(key) === writing) this.#writing.delete(key);
    });
  }

  /** Tries for some time more to write what waits. */
  async close(patienceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#closed.abort(), patienceMs);
    await this.#retrying;
    clearTimeout(timer);
    this.#closed.abort();
    if (this.paused)
      this.#log.error('the database did not come back: progress was not saved', { writes: this.#waiting.size });
  }

  async #write(key: string, write: Write): Promise<void> {
    if (this.paused) return this.#keep(key, write);
    try {
      await write();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#keep(key, write);
    }
  }

  #keep(key: string, write: Write): void {
    const before = this.paused;
    this.#waiting.set(key, write);
    if (!before) this.#tell(true);
    this.#retrying ??= this.#retry().finally(() => {
      this.#retrying = null;
    });
  }

  async #retry(): Promise<void> {
    this.#log.warn('the database is away: progress is kept until it is back');
    while (this.paused) {
      try {
        await delay(retryMs, undefined, { signal: this.#closed.signal });
        await this.#writeWaiting();
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        if (!(error instanceof StoreUnavailable)) this.#log.error('not saved', { cause: messageOf(error) });
      }
    }
    this.#log.warn('the database is back: everything is saved');
    this.#tell(false);
  }

  async #writeWaiting(): Promise<void> {
    for (const [key, write] of this.#waiting) {
      try {
        await write();
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error;
        // Of someone who was removed meanwhile.
        this.#log.warn('not saved', { key, cause: messageOf(error) });
      }
      if (this.#waiting.get(key) === write) this.#waiting.delete(key);
    }
  }

  #tell(paused: boolean): void {
    for (const listener of this.#listeners) listener(paused);
  }
}
