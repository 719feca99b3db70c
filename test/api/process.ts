import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.ts';

const main = resolve(import.meta.dirname, '../../server/main.ts');

/** How a run of the program ended. */
export interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

/** The program as a user starts it, with nothing of ours in its environment. */
export function start(context: TestContext, args: string[], environment: Record<string, string> = {}): Program {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const program = new Program(child);
  atEnd(context, () => program.kill('SIGINT'));
  return program;
}

export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #output = '';
  #errors = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stderr?.on('data', chunk => {
      this.#errors += chunk;
    });
    child.stdout?.on('data', chunk => {
      this.#output += chunk;
    });
    this.ended = once(child, 'close').then(([code]) => ({ code, output: this.#output, errors: this.#errors }));
  }

  /** What it printed, once that holds these words. */
  async until(words: RegExp): Promise<string> {
    while (!words.test(this.#output)) {
      const more = await Promise.race([once(this.child.stdout!, 'data'), this.ended]);
      if (!Array.isArray(more)) throw new Error(`it ended with ${more.code}: ${more.errors}`);
    }
    return this.#output;
  }

  /** The addresses of the line that `--json` prints. */
  async addresses(): Promise<{ learner: URL; instructor: URL; line: string }> {
    await this.until(/\n/);
    const { learner, instructor } = JSON.parse(this.#output) as { learner: string; instructor: string };
    return { learner: new URL(learner), instructor: new URL(instructor), line: this.#output };
  }

  async kill(signal: NodeJS.Signals): Promise<Ended> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.ended;
  }
}
