import type { ShellMark } from './scanner.ts';

/** Waits that end with the shell's state; each has a time limit. */
interface Waiter {
  until(state: PromptState): boolean;
  settle(reached: boolean): void;
}

/** Where the shell is, as its marks tell: at its prompt or in a command. What a program prints may lie here; nothing but waits depends on it. */
export class PromptState {
  /** The shell waits for input. */
  atPrompt = false;
  /** Something was typed since the prompt came, so the line may not be empty. */
  typed = false;
  /** Of the last command that ended. */
  lastStatus: number | null = null;
  /** Somebody is about to type a command for the server. */
  claimed = false;
  /** How many prompts there were. */
  prompts = 0;
  ended = false;
  /** The shell reads its start-up files; it has not been at a prompt yet. */
  starting = true;
  /** Something was run since the last prompt. */
  #moved = true;
  #waiters = new Set<Waiter>();

  /** Takes a mark; answers whether a command ended with it. */
  mark({ mark, status }: ShellMark): boolean {
    if (mark === 'B') this.#prompted();
    else if (mark === 'C') this.atPrompt = false;
    else if (mark === 'D') this.lastStatus = status;
    if (mark === 'C' || mark === 'D') this.#moved = true;
    this.#check();
    return mark === 'D';
  }

  /** A line editor draws its prompt again for a long paste or a new size; that is no new prompt. */
  #prompted(): void {
    if (!this.#moved) return;
    this.#moved = false;
    this.starting = false;
    this.atPrompt = true;
    this.typed = false;
    this.prompts++;
  }

  /** A shell starts. */
  started(): void {
    this.ended = false;
    this.starting = true;
    this.#moved = true;
    this.#away();
  }

  /** The shell ended. */
  exited(): void {
    this.ended = true;
    this.#away();
  }

  /** A command was typed: the prompt is taken. */
  taken(): void {
    this.#away();
  }

  #away(): void {
    this.atPrompt = false;
    this.typed = false;
    this.#check();
  }

  /** Resolves with whether `until` came true in time. */
  wait(until: (state: PromptState) => boolean, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (until(this)) return Promise.resolve(true);
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise(resolve => {
      const give = (reached: boolean): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const abort = (): void => give(false);
      const waiter: Waiter = { until, settle: give };
      const timer = setTimeout(give, timeoutMs, false);
      signal?.addEventListener('abort', abort);
      this.#waiters.add(waiter);
    });
  }

  #check(): void {
    for (const waiter of [...this.#waiters]) if (waiter.until(this)) waiter.settle(true);
  }
}
