/** A proxy under test: the real Envoy, or ours. Both are programs that take Envoy's command line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findProgram } from '../clients/programs.ts';
import { top } from '../lint/files.ts';

export interface Subject {
  name: 'envoy' | 'ours';
  command: string[];
}

/** How long a proxy may take to get ready or to end, in milliseconds. */
const patience = 20_000;

/** The real Envoy: UNICORN_ENVOY, or on the PATH; null where there is none. */
export function findEnvoy(): Subject | null {
  const program = findProgram('envoy', 'UNICORN_ENVOY');
  return program ? { name: 'envoy', command: [program, '--file-flush-interval-msec', '50'] } : null;
}

/** Why tests that need the real Envoy are skipped; false where they run. */
export const envoyIsMissing = findEnvoy() ? false : 'no Envoy here: name one by UNICORN_ENVOY, or put it on the PATH';

/** As set-up has bundled it, which starts in a third of the time. */
export const ours: Subject = { name: 'ours', command: [process.execPath, join(top, 'proxy/dist/proxy.cjs')] };

export interface Ended {
  status: number | null;
  output: string;
}

/** Runs a proxy with these arguments to its end. */
export async function runToEnd(subject: Subject, args: string[]): Promise<Ended> {
  const running = new Running(subject, args);
  return running.ended(patience);
}

/** Starts a proxy and waits until its admin interface says that it is live. */
export async function start(
  subject: Subject,
  configFile: string,
  adminPort: number,
  baseId: number,
  more: readonly string[] = [],
): Promise<Running> {
  const workers = more.includes('--concurrency') ? [] : ['--concurrency', '1'];
  const args = ['-c', configFile, ...workers, '--base-id', String(baseId), '-l', 'warning', ...more];
  const running = new Running(subject, args);
  const until = Date.now() + patience;
  while (!running.over && Date.now() < until) {
    if (await isLive(adminPort)) return running;
    await wait(25);
  }
  const { output } = await running.stop();
  throw new Error(`${subject.name} did not get ready:\n${output}`);
}

async function isLive(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
  } catch {
    return false;
  }
}

/** A proxy that runs. */
export class Running {
  over = false;
  readonly name: Subject['name'];
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #output = '';

  constructor({ name, command }: Subject, args: string[]) {
    this.name = name;
    const [program = '', ...before] = command;
    this.#child = spawn(program, [...before, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (bytes: Buffer) => {
      this.#output = (this.#output + bytes).slice(-100_000);
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
    this.#ended = new Promise(resolve => {
      const end = (status: number | null) => {
        this.over = true;
        resolve({ status, output: this.#output });
      };
      this.#child.on('error', error => {
        this.#output += error.message;
        end(null);
      });
      this.#child.on('close', end);
    });
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Ends it as a person would, and for sure after a while. */
  stop(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.ended(5000);
  }

  /** Waits for the end; kills it when that takes too long. */
  async ended(milliseconds: number): Promise<Ended> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), milliseconds);
    const ended = await this.#ended;
    clearTimeout(timer);
    return ended;
  }
}
