import { Failure } from '../failure.ts';
import type { TerminalStatus } from '../protocol/messages.ts';
import type { StartShell } from './pty.ts';
import { type Size, Terminal } from './terminal.ts';

/** All lessons together name some twenty, and who goes through them all in one sandbox has them open. */
const mostTerminals = 32;
const nameForm = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/;
const usualSize: Size = { columns: 80, rows: 24 };

export interface TerminalsEvents {
  /** A terminal came, went or changed. */
  changed(): void;
  commandEnded(status: number | null): void;
}

/** The sandbox's terminals by name. */
export class Terminals {
  readonly #terminals = new Map<string, Terminal>();
  readonly #startShell: StartShell;
  readonly #events: TerminalsEvents;

  constructor(startShell: StartShell, events: TerminalsEvents) {
    this.#startShell = startShell;
    this.#events = events;
  }

  list(): TerminalStatus[] {
    return [...this.#terminals.values()].map(terminal => terminal.status());
  }

  /** When somebody last typed into any of them, as `performance.now` counts. */
  get typedAt(): number {
    return Math.max(...[...this.#terminals.values()].map(terminal => terminal.typedAt));
  }

  /** The terminal of that name. */
  find(name: string): Terminal {
    const terminal = this.#terminals.get(name);
    if (!terminal) throw new Failure('not-found', `there is no terminal ${JSON.stringify(name)}`);
    return terminal;
  }

  /** The terminal of that name, made with a shell where it is not there. */
  async open(name: string, size: Size = usualSize): Promise<Terminal> {
    const there = this.#terminals.get(name);
    if (there) return there;
    if (typeof name !== 'string' || !nameForm.test(name)) throw new Failure('invalid', 'a terminal needs a plain name');
    if (this.#terminals.size >= mostTerminals) throw new Failure('refused', `${mostTerminals} terminals are open`);
    const terminal = new Terminal(name, size.columns > 0 ? size : usualSize, this.#startShell, {
      state: () => this.#events.changed(),
      commandEnded: status => this.#events.commandEnded(status),
    });
    this.#terminals.set(name, terminal);
    try {
      await terminal.start();
    } catch (error) {
      this.close(name);
      throw error;
    }
    return terminal;
  }

  close(name: string): void {
    this.find(name).close();
    this.#terminals.delete(name);
    this.#events.changed();
  }

  /** Lets the world be made anew: every terminal gets a new shell afterwards, its screen stays. */
  async through(renewal: () => Promise<void>): Promise<void> {
    const all = [...this.#terminals.values()];
    for (const terminal of all) terminal.suspend();
    await renewal();
    await Promise.all(all.map(terminal => terminal.start()));
  }
}
