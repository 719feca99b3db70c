/** The box program as a child of the server: requests as lines of JSON, answered in any order. Sandboxes do not depend on it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { SandboxLimits } from '../provider.ts';
import { ProviderError } from '../provider.ts';

export interface LimitSupport {
  kind: 'v1' | 'v2' | 'systemd' | 'none';
  detail: string;
}

export interface RuntimeSources {
  node: string;
  agent: string;
  koffi: string;
  programs: Record<string, string>;
}

export interface BoxSpecification {
  id: string;
  runFolder: string;
  runtime: string;
  homeFile: string;
  limits: SandboxLimits;
  orphanTimeoutSeconds: number;
}

/** What the program is asked and answers; the other side is images/box/requests.ts. */
export interface BoxMethods {
  prepare: { params: { folder: string; sources: RuntimeSources }; result: { runtime: string } };
  create: { params: BoxSpecification; result: Record<string, never> };
  list: { params: { sandboxes: string }; result: { sandboxes: { id: string; homeFile: string }[] } };
  end: { params: { runFolder: string }; result: Record<string, never> };
  sweep: { params: { sandboxes: string; runtimes: string; keep: string[] }; result: Record<string, never> };
  support: { params: Record<string, never>; result: { limits: LimitSupport; ranges: number } };
  trial: { params: BoxSpecification; result: { works: boolean; said: string } };
}

interface Answer {
  id: number;
  result?: unknown;
  error?: { code: string; message: string };
}
interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

const top = resolve(import.meta.dirname, '../../..');
const timeoutMs = 60_000;
/** More than these at once is a mistake of ours. */
const mostPending = 1000;

/** Calls the box program; started when it is first needed, and again should it have ended. */
export class BoxProgram {
  #child: ChildProcess | undefined;
  #pending = new Map<number, Pending>();
  #last = 0;

  call<M extends keyof BoxMethods>(method: M, params: BoxMethods[M]['params']): Promise<BoxMethods[M]['result']> {
    if (this.#pending.size >= mostPending)
      return Promise.reject(new ProviderError('no-capacity', 'too many sandboxes are being made'));
    const child = this.#start();
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, { id, error: late(method) }), timeoutMs);
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject, timer });
      this.#hold(child, true);
      child.stdin!.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  #start(): ChildProcess {
    if (this.#child) return this.#child;
    // A session of its own: Ctrl-C is for the server, which ends this one by ending its input.
    const child = spawn(process.execPath, ['--no-warnings', join(top, 'images/box/main.ts')], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    const gone = (why: string) => (): void => this.#lost(child, why);
    child.once('error', error => gone(error.message)());
    child.once('exit', gone('it ended'));
    child.stdin!.on('error', gone('it does not read'));
    createInterface({ input: child.stdout! }).on('line', line => {
      const answer = JSON.parse(line) as Answer;
      this.#settle(answer.id, answer);
    });
    this.#hold(child, false);
    return child;
  }

  /** Keeps the server's event loop alive only while an answer is awaited. */
  #hold(child: ChildProcess, awaited: boolean): void {
    const pipes = [child.stdin, child.stdout] as unknown as { ref(): void; unref(): void }[];
    for (const handle of [child, ...pipes]) awaited ? handle.ref() : handle.unref();
  }

  #settle(id: number, answer: Answer): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (this.#pending.size === 0 && this.#child) this.#hold(this.#child, false);
    if (answer.error)
      pending.reject(
        new ProviderError(answer.error.code === 'no-capacity' ? 'no-capacity' : 'failed', answer.error.message),
      );
    else pending.resolve(answer.result);
  }

  #lost(child: ChildProcess, why: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    const error = { code: 'failed', message: `the program that makes sandboxes is gone: ${why}` };
    for (const id of [...this.#pending.keys()]) this.#settle(id, { id, error });
  }
}

const late = (method: string): { code: string; message: string } => ({
  code: 'failed',
  message: `${method} took longer than ${timeoutMs / 1000} s`,
});
