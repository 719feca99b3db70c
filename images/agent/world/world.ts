import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ExecOptions,
  execCommand,
  execProcess,
  type OciProcess,
  removeWorldCommand,
  worldCommand,
} from '../../box/specification.ts';
import { runCommand } from './command.ts';

const startTimeoutMs = 15_000;

/** The learner's world: the container in the box. Knows its first process and how to run things in it. */
export class World {
  /** A folder of the agent's own, on tmpfs. */
  readonly folder: string;
  #pid: number | undefined;
  #ready: Promise<void> | undefined;
  #files = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The first process of the world, as the box counts. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Resolves when the world runs; makes it if it is not there. */
  ready(): Promise<number> {
    this.#ready ??= this.#start();
    return this.#ready.then(() => this.#pid!);
  }

  async #start(): Promise<void> {
    const pidFile = join(this.folder, 'world.pid');
    try {
      await runCommand(worldCommand(pidFile), startTimeoutMs);
      this.#pid = Number(readFileSync(pidFile, 'utf8'));
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }

  /** Ends everything in the world and makes it anew; a start that is under way comes to its end first. */
  async renew(): Promise<void> {
    this.#ready = this.#replace(this.#ready);
    await this.ready();
  }

  async #replace(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => {}); // whoever asked for that start was told
    await this.#remove();
    await this.#start();
  }

  async #remove(): Promise<void> {
    const first = this.#pid;
    this.#pid = undefined;
    await runCommand(removeWorldCommand(), startTimeoutMs);
    // It goes last: until then the others, a fork bomb's say, count towards the limit that the next world is to start in.
    if (first !== undefined) await ended(first);
  }

  /** Whether the world's first process is there; it may have been killed for want of memory. */
  alive(): boolean {
    return this.#pid === undefined || isThere(this.#pid);
  }

  /**
   * The command that runs `args` in the world. `done` removes what was written for it.
   * @param more further fields of the OCI process, such as consoleSize
   */
  async command(
    args: string[],
    options: ExecOptions,
    flags: string[] = [],
    more: Partial<OciProcess> & Record<string, unknown> = {},
  ): Promise<{ command: string[]; done: () => void }> {
    await this.ready();
    const file = join(this.folder, `process-${++this.#files}.json`);
    writeFileSync(file, JSON.stringify({ ...execProcess(args, options), ...more }), { mode: 0o600 });
    const command = execCommand(file);
    command.splice(-1, 0, ...flags);
    return { command, done: () => unlinkSync(file) };
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function ended(pid: number): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (isThere(pid)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} of the world before does not end`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
