/**
 * Loads resources in a process of its own, which ends when nothing came for a while: updates come in bursts, and between them the schema would lie
 * idle in the proxy's memory (see loader.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { serialize } from 'node:v8';
import { ConfigurationError } from './errors.ts';
import { FrameReader, frame } from './frames.ts';
import { deserializeDetached } from './kept.ts';
import { type Answer, loaderProgram, unwrap, variable } from './loader.ts';
import type { Positions, PositionsRequest } from './positions.ts';
import type { LoadedResources, ResourceRequest } from './resources.ts';

const lingerMs = 10_000;
const patienceMs = 60_000;

interface Waiting {
  resolve: (answer: Answer<unknown>) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

export class ResourceLoader {
  readonly #program: string;
  #child: ChildProcess | undefined;
  /** In the order of the requests, which is that of the answers. */
  #waiting: Waiting[] = [];
  #linger: NodeJS.Timeout | undefined;

  constructor(program = loaderProgram()) {
    this.#program = program;
  }

  /** @throws ConfigurationError where the whole cannot be read */
  load(request: ResourceRequest): Promise<LoadedResources> {
    return this.#ask<LoadedResources>(request);
  }

  /** @throws ConfigurationError where the configuration's file is not what was loaded */
  positions(request: PositionsRequest): Promise<Positions> {
    return this.#ask<Positions>(request);
  }

  async #ask<Loaded>(request: ResourceRequest | PositionsRequest): Promise<Loaded> {
    clearTimeout(this.#linger);
    this.#child ??= this.#start();
    const child = this.#child;
    const { promise, resolve, reject } = Promise.withResolvers<Answer<unknown>>();
    const timer = setTimeout(() => this.#fail(child, 'took too long'), patienceMs);
    this.#waiting.push({ resolve, reject, timer });
    child.stdin?.write(frame(serialize(request)));
    return unwrap(await promise) as Loaded;
  }

  /** Ends the process, if there is one. */
  close(): void {
    clearTimeout(this.#linger);
    const child = this.#child;
    if (child !== undefined) this.#fail(child, 'the proxy ends');
  }

  #start(): ChildProcess {
    const env = { ...process.env, [variable]: 'resources' };
    const child = spawn(process.execPath, [...process.execArgv, this.#program], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const reader = new FrameReader(payload => this.#answered(child, deserializeDetached(payload) as Answer<unknown>));
    child.stdout?.on('data', (chunk: Buffer) => reader.add(chunk));
    child.stdin?.on('error', error => this.#fail(child, error.message));
    child.on('error', error => this.#fail(child, error.message));
    child.on('exit', (status, signal) => this.#fail(child, `ended with ${signal ?? status}`));
    return child;
  }

  #answered(child: ChildProcess, answer: Answer<unknown>): void {
    const first = this.#waiting.shift();
    if (first === undefined) return;
    clearTimeout(first.timer);
    first.resolve(answer);
    if (this.#waiting.length > 0) return;
    this.#linger = setTimeout(() => this.#fail(child, 'nothing to do'), lingerMs).unref();
  }

  #fail(child: ChildProcess, reason: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    child.stdin?.end();
    child.kill('SIGKILL');
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(new ConfigurationError(`the process that loads configuration: ${reason}`));
    }
  }
}
