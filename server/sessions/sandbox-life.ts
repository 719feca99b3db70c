import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentClient } from '../agent/client.ts';
import type { SandboxState } from '../api.ts';
import { messageOf, UnicornError } from '../errors.ts';
import { ProviderError, type Sandbox, type TellProgress } from '../providers/provider.ts';
import type { LearnerRecord, SandboxRecord } from '../store/store.ts';
import { IdleTimer } from './idle.ts';
import type { SessionServices } from './services.ts';

/** Waits before each try to reach an agent again that was lost. */
const reconnectWaitsMs = [50, 200, 500, 1000, 1500];
/** How long an agent is waited for whose provider cannot be reached: it may live, and does for the orphan time-out. */
const unreachableMs = 120_000;

export interface SandboxListener {
  changed(state: SandboxState): void;
  /** An agent answers: a new one, or the same after a lost connection. */
  attached(agent: AgentClient): void;
  notice(text: string): void;
}

/** One sandbox from being asked for to being gone. Whatever happens late asks first whether its run is still the current one. */
interface Run {
  id: string;
  abort: AbortController;
  createdAtMs: number;
  sandbox: Sandbox | null;
  agent: AgentClient | null;
  release: () => void;
  /** Settles when it is ready or has failed. */
  started: Promise<void>;
}

/** The life of one learner's sandboxes, one after the other. */
export class SandboxLife {
  readonly #learner: string;
  /** Null: none yet. */
  #home: string | null;
  readonly #services: SessionServices;
  readonly #listener: SandboxListener;
  readonly #idle: IdleTimer;
  #state: SandboxState = { phase: 'none' };
  #run: Run | null = null;
  /** The end of the last sandbox: the next one has the same home and waits for it. */
  #ended: Promise<void> = Promise.resolve();
  /** An earlier server's sandbox is being looked for. */
  #expected = false;

  constructor({ id, home }: Pick<LearnerRecord, 'id' | 'home'>, services: SessionServices, listener: SandboxListener) {
    this.#learner = id;
    this.#home = home;
    this.#services = services;
    this.#listener = listener;
    this.#idle = new IdleTimer({
      idleMs: services.idleMs,
      warn: minutes =>
        listener.notice(
          `Nothing happened for a while: the sandbox ends in ${minutes} min. Type something or extend it to keep it.`,
        ),
      expire: () => void this.end('Nobody used the sandbox, so it was ended. Your files are kept: start it again.'),
    });
  }

  get state(): SandboxState {
    return this.#state;
  }

  /** Null while there is none. */
  get agent(): AgentClient | null {
    return this.#run?.agent ?? null;
  }

  /** Starts one, unless one is there or on its way. */
  start(): void {
    if (this.#run || this.#expected) return;
    const run = this.#newRun(randomBytes(10).toString('hex'), Date.now());
    this.#show({ phase: 'starting', steps: [] });
    run.started = this.#bring(run).catch(error => this.#fail(run, error));
  }

  /** Resolves when the sandbox is ready. @throws UnicornError `no-sandbox` when it does not get ready */
  async ready(): Promise<AgentClient> {
    this.start();
    await this.#run?.started;
    if (this.agent) return this.agent;
    throw new UnicornError('no-sandbox', 'The sandbox is not ready.', 'Start it, and wait until it is.');
  }

  /** An earlier server made a sandbox: `adopt` or `tellGone` says what became of it. Nothing is started until then. */
  expect(): void {
    this.#expected = true;
    this.#show({ phase: 'reconnecting' });
  }

  /** Takes over a sandbox that outlived another server. */
  adopt(sandbox: Sandbox, record: SandboxRecord): void {
    this.#expected = false;
    const run = this.#newRun(sandbox.id, record.createdAtMs);
    run.sandbox = sandbox;
    run.release = this.#services.places.take();
    run.started = this.#attach(run, record.expiresAtMs).catch(error => this.#lose(run, null, error));
  }

  /** The sandbox that an earlier server made is not there any more. */
  tellGone(): void {
    this.#expected = false;
    this.#show({ phase: 'ended', reason: 'The sandbox has ended. Your files are kept: start it again.' });
  }

  /** Ends the sandbox; resolves when nothing is left of it. */
  async end(reason: string): Promise<void> {
    const run = this.#run;
    if (!run) return this.#ended;
    this.#run = null;
    this.#idle.stop();
    this.#show({ phase: 'ended', reason });
    run.abort.abort(new UnicornError('no-sandbox', reason));
    this.#ended = this.#clear(run);
    return this.#ended;
  }

  /** Lets the sandbox live and leaves it. */
  async detach(): Promise<void> {
    const run = this.#run;
    if (!run) return this.#ended;
    this.#run = null;
    this.#idle.stop();
    // One that is being made is not left half made.
    if (run.sandbox === null) {
      run.abort.abort(new UnicornError('unavailable', 'the server ends'));
      return this.#clear(run);
    }
    run.agent?.close();
    run.release();
  }

  touch(): void {
    if (this.#idle.touch()) this.#showReady();
  }

  extend(): void {
    if (!this.#run?.agent) throw new UnicornError('no-sandbox', 'There is no sandbox to extend.', 'Start it first.');
    if (this.#idle.extend()) this.#showReady();
  }

  #newRun(id: string, createdAtMs: number): Run {
    const run: Run = {
      id,
      createdAtMs,
      abort: new AbortController(),
      sandbox: null,
      agent: null,
      release: () => {},
      started: Promise.resolve(),
    };
    this.#run = run;
    return run;
  }

  async #bring(run: Run): Promise<void> {
    const { metrics } = this.#services;
    const askedMs = performance.now();
    await this.#ended;
    if (this.#home !== null || !(await this.#takeSpare(run))) {
      this.#home ??= this.#learner;
      await this.#make(run, this.#home);
    }
    if (run === this.#run) metrics.sandboxReady((performance.now() - askedMs) / 1000);
  }

  /** One that is ready already. Answers whether there was one. */
  async #takeSpare(run: Run): Promise<boolean> {
    const { pool, store } = this.#services;
    const spare = await pool.take(this.#learner);
    if (!spare) {
      await this.#services.saving.save(`home ${this.#learner}`, () => store.setHome(this.#learner, this.#learner));
      return false;
    }
    const { sandbox, createdAtMs, release } = spare;
    this.#home = sandbox.home;
    Object.assign(run, { id: sandbox.id, sandbox, createdAtMs, release });
    run.abort.signal.throwIfAborted();
    await this.#attach(run, null, spare.agent);
    return true;
  }

  async #make(run: Run, home: string): Promise<void> {
    const { places, creating, pool, provider, limits, orphanTimeoutSeconds } = this.#services;
    const tell = (place: number) => this.#showOf(run, { phase: 'queued', place });
    if (places.full) pool.makeRoom();
    run.release = await places.acquire(this.#recordOf(run), run.abort.signal, tell);
    const made = await creating.acquire(run.abort.signal, tell);
    const progress = this.#progressOf(run);
    progress('Making room for the sandbox');
    try {
      // Stored first, so that a server that is killed now finds it afterwards.
      await this.#save(run);
      run.sandbox = await provider.create({ id: run.id, home, limits, orphanTimeoutSeconds }, progress);
    } finally {
      made();
    }
    run.abort.signal.throwIfAborted();
    progress('Connecting to the sandbox');
    await this.#attach(run, null);
  }

  /** Shows steps as they come; a step that is told again takes its own place. */
  #progressOf(run: Run): TellProgress {
    const steps: { step: string; detail: string | undefined }[] = [];
    return (step, detail) => {
      if (steps.at(-1)?.step === step) steps.pop();
      steps.push({ step, detail });
      const shown = steps.map(({ step, detail }, index) => ({
        title: detail === undefined || index < steps.length - 1 ? step : `${step}, ${detail}`,
        done: index < steps.length - 1,
      }));
      this.#showOf(run, { phase: 'starting', steps: shown });
    };
  }

  /** @param connected an agent that is reached already */
  async #attach(run: Run, expiresAtMs: number | null, connected?: AgentClient): Promise<void> {
    const agent = connected ?? (await this.#services.connectAgent(await run.sandbox!.connect()));
    if (run !== this.#run) return agent.close();
    run.agent = agent;
    agent.closed.then(() => this.#lose(run, agent, new Error('the connection to the sandbox was closed')));
    this.#idle.start(expiresAtMs);
    await this.#save(run);
    if (run !== this.#run) return;
    this.#listener.attached(agent);
    this.#showReady();
  }

  /** The agent is gone: reach it again, or find that the sandbox has ended. */
  async #lose(run: Run, agent: AgentClient | null, cause: unknown): Promise<void> {
    if (run !== this.#run || run.agent !== agent) return;
    run.agent = null;
    this.#services.log.info('lost a sandbox, reconnecting', {
      learner: this.#learner,
      sandbox: run.id,
      cause: messageOf(cause),
    });
    this.#show({ phase: 'reconnecting' });
    const giveUpMs = Date.now() + unreachableMs;
    for (let tries = 0, away = false; tries < reconnectWaitsMs.length || (away && Date.now() < giveUpMs); tries++) {
      await delay(reconnectWaitsMs[tries] ?? reconnectWaitsMs.at(-1), undefined, { ref: false });
      if (run !== this.#run) return;
      try {
        return await this.#attach(run, this.#idle.expiresAtMs);
      } catch (error) {
        away = error instanceof ProviderError && error.code === 'unreachable';
        this.#services.log.debug('a sandbox does not answer', {
          learner: this.#learner,
          sandbox: run.id,
          cause: messageOf(error),
        });
      }
    }
    const reason = await this.#fateOf(run);
    if (run === this.#run) await this.end(reason);
  }

  async #fateOf({ id, sandbox }: Run): Promise<string> {
    try {
      const fate = await sandbox?.fate?.();
      return `The sandbox ended${fate ? `: ${fate}` : ' by itself'}. Your files are kept: start it again.`;
    } catch (error) {
      this.#services.log.debug('why a sandbox ended is not known', {
        learner: this.#learner,
        sandbox: id,
        cause: messageOf(error),
      });
      return 'The sandbox ended by itself. Your files are kept: start it again.';
    }
  }

  async #fail(run: Run, error: unknown): Promise<void> {
    if (run !== this.#run) return;
    this.#services.log.warn('a sandbox could not be made', {
      learner: this.#learner,
      sandbox: run.id,
      cause: messageOf(error),
    });
    this.#run = null;
    this.#show(failureOf(error));
    this.#ended = this.#clear({ ...run, started: Promise.resolve() });
  }

  /** Waits for what is under way, then removes all there is. */
  async #clear(run: Run): Promise<void> {
    try {
      await run.started;
      run.agent?.close();
      await run.sandbox?.end();
      await this.#forget(run);
    } catch (error) {
      // It keeps its place: what it runs on is not free.
      const { sandbox } = run;
      if (!sandbox) return run.release();
      const remove = async () => {
        await sandbox.end();
        await this.#forget(run);
      };
      this.#services.removals.retry({ kind: 'sandbox', id: sandbox.id, remove }, error);
    }
  }

  async #forget(run: Run): Promise<void> {
    await this.#keep(() => this.#services.store.removeSandbox(run.id));
    run.release();
  }

  async #save(run: Run): Promise<void> {
    await this.#keep(() => this.#services.store.saveSandbox(this.#recordOf(run)));
  }

  #recordOf({ id, createdAtMs }: Run): SandboxRecord {
    return {
      ...{ learner: this.#learner, id, home: this.#home ?? this.#learner, provider: this.#services.provider.name },
      ...{ createdAtMs, expiresAtMs: this.#idle.expiresAtMs },
    };
  }

  #keep(write: () => Promise<void>): Promise<void> {
    return this.#services.saving.save(`sandbox ${this.#learner}`, write);
  }

  #showReady(): void {
    if (!this.#run?.agent) return;
    this.#show({ phase: 'ready', provider: this.#services.provider.name, expiresAtMs: this.#idle.expiresAtMs });
  }

  #showOf(run: Run, state: SandboxState): void {
    if (run === this.#run) this.#show(state);
  }

  #show(state: SandboxState): void {
    this.#state = state;
    this.#listener.changed(state);
  }
}

function failureOf(error: unknown): SandboxState {
  if (error instanceof ProviderError || error instanceof UnicornError) {
    const { message, remedy } = error;
    return remedy === undefined ? { phase: 'failed', message } : { phase: 'failed', message, remedy };
  }
  return {
    phase: 'failed',
    message: `The sandbox could not be started: ${messageOf(error)}.`,
    remedy: 'Try again. `npm start -- doctor` tells what this machine can do.',
  };
}
