import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from '../checks/agent.ts';
import { runChecks } from '../checks/run.ts';
import { messageOf } from '../errors.ts';
import { StoreUnavailable } from '../store/unavailable.ts';
import type { Progress } from './progress.ts';
import type { SessionServices } from './services.ts';

/** A learner's typing changes many things at once: wait this long for the rest of it. */
const settleMs = 250;
/** What was changed may take effect later, as a file that a proxy takes by xDS, which tells nobody: checks look once more after this long. */
const effectMs = 2000;
const timeoutMs = 30_000;
/** Another server holds the lease: it is asked for again after this long. */
const leaseRetryMs = 500;
/** What could not run, as on a machine that was too busy, is tried again after this long: nothing else may ever change. */
const failedRestMs = 3000;
/** Checks take at most this share of the time, however much changes. */
const restFactor = 1;
/** A run goes on to so many exercises, even where something changed meanwhile: the one that the learner is at, and one of the others, so that each has its turn. */
const leastOfRun = 2;

export interface CheckRunnerOptions {
  learner: string;
  services: SessionServices;
  progress: Progress;
  /** Null while there is no sandbox to look into. */
  agent(): Agent | null;
  /** The exercises whose checks run by themselves. */
  open(): string[];
  /** Whether what the checks find is the learner's own doing. */
  counts(): boolean;
  /** A page has something new to show. */
  changed(exercise: string): void;
}

/** Runs one learner's checks: whenever something changed, one run at a time, over all servers by a lease in the store. */
export class CheckRunner {
  readonly #options: CheckRunnerOptions;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #later: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #restMs = 0;
  #failed = false;
  #paused = false;
  /** The exercises that someone asked about, passed or not. */
  readonly #asked = new Set<string>();
  /** Where the last run was cut short: the exercise that it reached. */
  #reached: string | null = null;

  constructor(options: CheckRunnerOptions) {
    this.#options = options;
  }

  /** Files or programs changed: what a check sees may go on changing for a while by itself. */
  scheduleTwice(): void {
    this.schedule();
    if (this.#later) clearTimeout(this.#later);
    this.#later = setTimeout(() => this.schedule(), effectMs);
    this.#later.unref();
  }

  /** Something changed that a check may see. */
  schedule(): void {
    if (this.#running) this.#again = true;
    else if (!this.#timer && !this.#paused && !this.#abort.signal.aborted) {
      this.#timer = setTimeout(() => this.#begin(), settleMs + this.#restMs);
      this.#timer.unref();
    }
  }

  /** Runs this exercise's checks before all others, even where it is passed. Resolves when they were run. */
  async runNow(exercise: string): Promise<void> {
    this.#asked.add(exercise);
    while (this.#asked.has(exercise) && !this.#abort.signal.aborted) {
      if (!this.#running) {
        this.#again ||= this.#timer !== null;
        this.#begin();
      }
      await this.#running;
    }
  }

  /** Nothing runs by itself while the sandbox is between two states. */
  pause(): void {
    this.#paused = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#later) clearTimeout(this.#later);
    this.#timer = null;
    this.#later = null;
  }

  resume(): void {
    this.#paused = false;
    this.scheduleTwice();
  }

  async stop(): Promise<void> {
    this.pause();
    this.#abort.abort(new Error('the session ends'));
    await this.#running;
  }

  #begin(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const beganMs = Date.now();
    this.#running = this.#run()
      .catch(error => {
        const { learner, services } = this.#options;
        services.log.error('checks failed to run', { learner, error: error as Error });
      })
      .finally(() => {
        this.#restMs = Math.max((Date.now() - beganMs) * restFactor, this.#failed ? failedRestMs : 0);
        this.#running = null;
        const again = this.#again || this.#failed;
        this.#again = false;
        this.#failed = false;
        if (again) this.schedule();
      });
  }

  async #run(): Promise<void> {
    const { learner, services, open, progress } = this.#options;
    const asked = [...this.#asked];
    this.#asked.clear();
    const failing = open().filter(id => progress.record(id).passedAtMs === null);
    const due = asked.length > 0 ? asked : [...new Set(this.#inTurn(failing))];
    if (!(await this.#claim())) {
      for (const exercise of asked) this.#asked.add(exercise);
      this.#again = true;
      await delay(leaseRetryMs, undefined, { ref: false });
      return;
    }
    try {
      if (asked.length === 0) this.#reached = null;
      for (const [index, exercise] of due.entries()) {
        await this.#runExercise(exercise);
        const cut = this.#asked.size > 0 || (this.#again && index + 1 >= leastOfRun);
        if (asked.length > 0 || !cut) continue;
        // Someone waits, or something changed, and what the learner is at stands at the beginning.
        this.#reached = exercise;
        this.#again = true;
        break;
      }
    } finally {
      await this.#inStore(() => services.store.releaseChecks(learner, services.replicas.id));
    }
  }

  /** The first exercise that is not passed, then those that the last run did not reach. */
  #inTurn(failing: string[]): string[] {
    const at = this.#reached === null ? -1 : failing.indexOf(this.#reached);
    return at === -1 ? failing : [...failing.slice(0, 1), ...failing.slice(at + 1), ...failing];
  }

  async #claim(): Promise<boolean> {
    const { learner, services } = this.#options;
    const now = Date.now();
    const claim = () => services.store.claimChecks(learner, services.replicas.id, now, now + timeoutMs);
    return (await this.#inStore(claim)) ?? true;
  }

  /** While the database is away nobody else takes the session, so the checks go on without their lease. */
  async #inStore<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return undefined;
    }
  }

  async #runExercise(id: string): Promise<void> {
    const { learner, services, progress } = this.#options;
    const agent = this.#options.agent();
    if (!agent || this.#abort.signal.aborted) return;
    const counts = this.#options.counts();
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const answer = progress.record(id).answer;
      const beganMs = performance.now();
      const results = await runChecks(progress.exercise(id), { agent, learner, answer, signal });
      services.metrics.checksRun(
        results.map(({ state }) => state),
        (performance.now() - beganMs) / 1000,
      );
      if (results.some(({ state, hint }) => state === 'unknown' && hint !== undefined)) this.#failed = true;
      if (await progress.take(id, results, counts)) this.#options.changed(id);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failed = true;
      services.log.warn('the checks of an exercise did not end', { learner, exercise: id, cause: messageOf(error) });
    }
  }
}
