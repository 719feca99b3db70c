import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const top = resolve(import.meta.dirname, '../..');
const node = process.execPath;
const startMs = 60_000;
const readinessMs = 90_000;

/** Why no sandbox can run on this machine, or false. */
export function noSandbox(): string | false {
  const data = mkdtempSync(join(tmpdir(), 'ue-'));
  const { status } = spawnSync(node, [join(top, 'server/main.ts'), 'doctor', '--data', data], { timeout: startMs });
  rmSync(data, { recursive: true, force: true });
  return status === 0 ? false : 'no kind of sandbox works on this machine; `npm start -- doctor` tells why';
}

/** The real lab server, in a process of its own, with data of its own; it can be killed and started again at the same address. */
export class LabServer {
  readonly #data: string;
  readonly #flags: string[];
  #process: ChildProcess | null = null;
  #port = '0';
  learnerUrl = '';
  instructorUrl = '';
  /** What it printed to its standard error. */
  errors = '';

  /** Its data folder. */
  get data(): string {
    return this.#data;
  }

  private constructor(data: string, flags: string[]) {
    this.#data = data;
    this.#flags = flags;
  }

  static async start(flags: string[] = []): Promise<LabServer> {
    const server = new LabServer(await mkdtemp(join(tmpdir(), 'ue-')), flags);
    await server.run();
    return server;
  }

  /** Starts it; again at the same port. */
  async run(): Promise<void> {
    const flags = ['--json', '--port', this.#port, '--data', this.#data, ...this.#flags];
    const child = spawn(node, [join(top, 'server/main.ts'), ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    child.stderr.on('data', chunk => {
      this.errors += String(chunk);
    });
    const line = await this.#firstLine(child);
    const urls = JSON.parse(line) as { learner: string; instructor: string };
    this.learnerUrl = urls.learner;
    this.instructorUrl = urls.instructor;
    this.#port = new URL(urls.learner).port;
  }

  /** Waits until `/readyz` answers with that status and these words. */
  async readiness(status: number, words: RegExp): Promise<void> {
    let last = '';
    for (const end = Date.now() + readinessMs; Date.now() < end; await delay(100)) {
      const response = await fetch(new URL('/readyz', this.learnerUrl));
      last = await response.text();
      if (response.status === status && words.test(last)) return;
    }
    throw new Error(`/readyz: not ${status} ${words} in ${readinessMs} ms, but ${last}`);
  }

  /** As a crash does: nothing is told, nothing is put away. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As Ctrl-C does. */
  async interrupt(): Promise<void> {
    await this.#end('SIGINT');
  }

  /** As Ctrl-C does; then nothing is left of it. */
  async stop(): Promise<void> {
    await this.interrupt();
    await rm(this.#data, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async #firstLine(child: ChildProcess): Promise<string> {
    const lines = createInterface({ input: child.stdout! });
    const signal = AbortSignal.timeout(startMs);
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`the server ended with ${code}: ${this.errors}`);
    });
    const [line] = await Promise.race([once(lines, 'line', { signal }), ended]);
    ended.catch(() => {});
    return line as string;
  }
}
