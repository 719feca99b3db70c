import type { ActionState } from '../api.ts';
import { messageOf, UnicornError } from '../errors.ts';
import type { Log } from '../log.ts';

export type ActionWork = (tell: (steps: ActionState['steps']) => void, signal: AbortSignal) => Promise<void>;

const timeoutMs = 5 * 60_000;

/** The long action that runs for a learner: one at a time. */
export class Actions {
  readonly #log: Log;
  readonly #changed: (action: ActionState | null) => void;
  #current: ActionState | null = null;
  #abort: AbortController | null = null;
  #done: Promise<void> = Promise.resolve();

  constructor(log: Log, changed: (action: ActionState | null) => void) {
    this.#log = log;
    this.#changed = changed;
  }

  /** What runs, or how the last one failed. */
  get state(): ActionState | null {
    return this.#current;
  }

  get running(): ActionState['kind'] | null {
    return this.#abort === null ? null : (this.#current?.kind ?? null);
  }

  /** Starts one; its progress is told as it goes. @throws UnicornError `busy` */
  start(action: Pick<ActionState, 'kind' | 'lesson' | 'exercise'>, work: ActionWork): void {
    if (this.#abort) {
      throw new UnicornError('busy', 'Something else is being done for you right now.', 'Wait until it is done.');
    }
    const abort = new AbortController();
    this.#abort = abort;
    this.#show({ ...action, steps: [], failure: null });
    this.#done = this.#run(work, AbortSignal.any([abort.signal, AbortSignal.timeout(timeoutMs)]));
  }

  /** Stops what runs; resolves when it has stopped. */
  async cancel(reason: string): Promise<void> {
    this.#abort?.abort(new UnicornError('unavailable', reason));
    await this.#done;
  }

  async #run(work: ActionWork, signal: AbortSignal): Promise<void> {
    try {
      await work(steps => this.#tell(steps), signal);
      this.#abort = null;
      this.#show(null);
    } catch (error) {
      this.#abort = null;
      this.#log.info('an action failed', { kind: this.#current?.kind, cause: messageOf(error) });
      if (this.#current) this.#show({ ...this.#current, failure: messageOf(signal.aborted ? signal.reason : error) });
    }
  }

  #tell(steps: ActionState['steps']): void {
    if (this.#current) this.#show({ ...this.#current, steps });
  }

  #show(action: ActionState | null): void {
    this.#current = action;
    this.#changed(action);
  }
}
