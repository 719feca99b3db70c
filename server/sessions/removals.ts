import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Sandbox } from '../providers/provider.ts';

/** Waits before a removal is tried again, each time the next of them; then always the last. */
const usualWaitsMs = [30_000, 60_000, 120_000, 300_000, 600_000];

/**
 * Sandboxes that did not go when they were ended, as on a node that does not answer: told in the log and counted, and tried again until nothing is left
 * of them.
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
   * Tries again for one that did not go.
   * @param error why it did not
   * @param gone called when it has; never, where the server ends before
   */
  retry(sandbox: Sandbox, error: unknown, gone: () => Promise<void> | void): void {
    if (this.#hanging.has(sandbox.id)) return;
    this.#hanging.add(sandbox.id);
    this.#log.error('a sandbox could not be removed; it is tried again', {
      sandbox: sandbox.id,
      cause: messageOf(error),
    });
    void this.#retry(sandbox, gone);
  }

  close(): void {
    this.#closing.abort();
  }

  async #retry(sandbox: Sandbox, gone: () => Promise<void> | void): Promise<void> {
    const { signal } = this.#closing;
    for (let tries = 0; ; tries++) {
      const wait = this.#waitsMs[tries] ?? this.#waitsMs.at(-1);
      await delay(wait, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      try {
        await sandbox.end();
        await gone();
        break;
      } catch (error) {
        this.#log.warn('a sandbox is still not removed', {
          sandbox: sandbox.id,
          tries: tries + 1,
          cause: messageOf(error),
        });
      }
    }
    this.#hanging.delete(sandbox.id);
    this.#log.info('a sandbox that hung is removed', { sandbox: sandbox.id });
  }
}
