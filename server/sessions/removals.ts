import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** Waits before a removal is tried again, each time the next of them; then always the last. */
const usualWaitsMs = [30_000, 60_000, 120_000, 300_000, 600_000];

/** Something that did not go. */
export interface Removal {
  kind: 'sandbox' | 'home';
  id: string;
  /** Tries again; throws where it still does not go. */
  remove(): Promise<void>;
}

/**
 * Sandboxes and homes that did not go when they were ended, as on a node that does not answer or in a namespace that something holds: told in the log and
 * counted, and tried again until nothing is left of them.
 */
export class Removals {
  readonly #log: Log;
  readonly #waitsMs: readonly number[];
  readonly #hanging = new Set<string>();
  readonly #closing = new AbortController();

  constructor(log: Log, waitsMs: readonly number[] = usualWaitsMs) {
    this.#log = log;
    this.#waitsMs = waitsMs;
  }

  /** How many have not gone. */
  get hanging(): number {
    return this.#hanging.size;
  }

  /**
   * Tries again for one that did not go; one at a time for each.
   * @param error why it did not
   */
  retry(removal: Removal, error: unknown): void {
    const name = `${removal.kind} ${removal.id}`;
    if (this.#hanging.has(name) || this.#closing.signal.aborted) return;
    this.#hanging.add(name);
    this.#log.error(`a ${removal.kind} could not be removed; it is tried again`, {
      [removal.kind]: removal.id,
      cause: messageOf(error),
    });
    void this.#retry(removal).then(gone => {
      if (gone) this.#hanging.delete(name);
    });
  }

  close(): void {
    this.#closing.abort();
  }

  /** False: the server ended before. */
  async #retry({ kind, id, remove }: Removal): Promise<boolean> {
    const { signal } = this.#closing;
    for (let tries = 0; ; tries++) {
      const wait = this.#waitsMs[tries] ?? this.#waitsMs.at(-1);
      await delay(wait, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return false;
      try {
        await remove();
        break;
      } catch (error) {
        this.#log.warn(`a ${kind} is still not removed`, { [kind]: id, tries: tries + 1, cause: messageOf(error) });
      }
    }
    this.#log.info(`a ${kind} that hung is removed`, { [kind]: id });
    return true;
  }
}
