/** The first worker, as far as it leads the others: starts them, tells them what comes, hears what they have to tell. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { Crew } from './crew.ts';
import type { News, Report } from './news.ts';
import { OwnedMemory } from './shared-memory.ts';
import { threads, type WorkerPlace, workerVariable } from './threads.ts';

/** What one of the others tells with its stats, and when it ends, may be late by so much. */
const patienceMs = 2000;

export interface LeaderOwner {
  /** Another worker tells something. @param worker its index */
  onReport(worker: number, report: Report): void;
  /** Another worker is gone: nothing can go on as it should. */
  onLost(worker: number, reason: string): void;
}

/** The program of the threads: that of the proxy, bundled or not. */
function proxyProgram(): string {
  const bundled = import.meta.filename.endsWith('.cjs');
  return bundled ? import.meta.filename : join(import.meta.dirname, '../main.ts');
}

export class Leader implements Crew {
  readonly index = 0;
  readonly count: number;
  readonly memory: OwnedMemory;
  readonly told = undefined;
  readonly #owner: LeaderOwner;
  readonly #program: string;
  #workers: Worker[] = [];
  /** What was told before there was anybody to hear it. */
  #early: News[] = [];
  #stopping = false;
  readonly #waits: Record<'opened' | 'collected' | 'stopped', Wait>;

  /**
   * @param count of workers, the first one included
   * @param program of the others
   */
  constructor(count: number, owner: LeaderOwner, program = proxyProgram()) {
    this.#program = program;
    this.count = count;
    this.#owner = owner;
    this.memory = new OwnedMemory((name, buffer) => this.tell({ kind: 'memory', name, buffer }));
    const wait = (): Wait => new Wait(count - 1);
    this.#waits = { opened: wait(), collected: wait(), stopped: wait() };
  }

  readonly tell = (news: News): void => {
    if (this.#workers.length === 0) this.#early.push(news);
    for (const worker of this.#workers) worker.postMessage(news);
  };

  /** Starts the others. They serve what they are told, once `open` is told. */
  start(packed: Uint8Array): void {
    const { Worker } = threads();
    const env = { ...process.env, [workerVariable]: 'yes' };
    const early = this.#early;
    this.#early = [];
    for (let index = 1; index < this.count; index++) {
      const place: WorkerPlace = { proxyWorker: { index, count: this.count } };
      const worker = new Worker(this.#program, { workerData: place, env, name: `worker_${index}` });
      worker.on('message', (report: Report) => this.#hear(index, report));
      worker.on('error', error =>
        this.#lost(index, error instanceof Error ? (error.stack ?? error.message) : `${error}`),
      );
      worker.on('exit', status => this.#lost(index, `it ended with status ${status}`));
      for (const news of early) worker.postMessage(news);
      worker.postMessage({ kind: 'start', packed } satisfies News);
      this.#workers.push(worker);
    }
  }

  readonly othersServe = (): Promise<void> => this.#waits.opened.all;

  /** Ends when all have told what they counted, or one is late: it tells the next time. */
  async collect(): Promise<void> {
    if (this.#workers.length === 0) return;
    const { collected } = this.#waits;
    if (!collected.isAsking) {
      collected.begin();
      this.tell({ kind: 'collect' });
    }
    await withinPatience(collected.all, patienceMs);
  }

  /** @param drainMs how long their requests that are under way may take */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#workers.length === 0) return;
    this.tell({ kind: 'stop', drainMs });
    await withinPatience(this.#waits.stopped.all, drainMs + patienceMs);
    await Promise.all(this.#workers.map(worker => worker.terminate()));
  }

  #hear(worker: number, report: Report): void {
    this.#owner.onReport(worker, report);
    if (report.kind === 'opened' || report.kind === 'collected' || report.kind === 'stopped')
      this.#waits[report.kind].count();
  }

  #lost(worker: number, reason: string): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#owner.onLost(worker, reason);
  }
}

/** For an answer of each of so many. */
class Wait {
  readonly #answers: number;
  /** Whether it was begun and is not over. */
  isAsking = false;
  #missing: number;
  #done = Promise.withResolvers<void>();

  constructor(answers: number) {
    this.#answers = answers;
    this.#missing = answers;
  }

  get all(): Promise<void> {
    return this.#done.promise;
  }

  begin(): void {
    this.isAsking = true;
    this.#missing = this.#answers;
    this.#done = Promise.withResolvers();
  }

  count(): void {
    this.#missing--;
    if (this.#missing > 0) return;
    this.isAsking = false;
    this.#done.resolve();
  }
}

async function withinPatience(done: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, Math.min(ms, 0x7fffffff));
  await Promise.race([done, late.promise]);
  clearTimeout(timer);
}

/** Why workers cannot listen on the same port here; undefined where they can. */
export function whyNotShared(): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer();
  server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  server.listen({ host: '127.0.0.1', port: 0, reusePort: true }, () => server.close(() => resolve(undefined)));
  return promise;
}
