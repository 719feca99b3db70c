import { statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Provider } from '../providers/provider.ts';
import type { Store } from '../store/store.ts';

/** A probe of Kubernetes waits one second unless it is told otherwise. */
const answerMs = 800;
/** Probes that come closer than that share one look. */
const freshMs = 2000;
/** Below that a save may fail at any moment, bytes. */
const leastFree = 32 << 20;

interface Surroundings {
  store: Pick<Store, 'followSlide'>;
  provider: Pick<Provider, 'name' | 'reach'>;
  /** The data folder. */
  data: string;
  log: Pick<Log, 'warn'>;
  /** Bytes that this user may still write below a folder. */
  free?: (folder: string) => Promise<number>;
}

/** Whether this server can serve learners. */
export class Readiness {
  readonly #looks: Look[];
  readonly #reach: Look | null;
  #sandboxes: 'untried' | 'work' | 'missing' = 'untried';
  #ending = false;

  constructor({ store, provider, data, log, free = freeBytes }: Surroundings) {
    const enough = async () => {
      const bytes = await free(data);
      if (bytes < leastFree) throw new Error(`${bytes} bytes are free in ${data}`);
    };
    this.#looks = [
      new Look('the database does not answer', () => store.followSlide(), log),
      new Look('the disk of the data folder is full', enough, log),
    ];
    const { reach } = provider;
    const ask = reach && (() => reach.call(provider, AbortSignal.timeout(answerMs)));
    this.#reach = ask ? new Look(`${provider.name}, which runs the sandboxes, does not answer`, ask, log) : null;
  }

  /** What the trial of the sandboxes found. */
  tried(usable: boolean): void {
    this.#sandboxes = usable ? 'work' : 'missing';
  }

  /** The server takes nobody any more: what is open goes to others. */
  end(): void {
    this.#ending = true;
  }

  /** Why it cannot; none: it can. Whoever asks need not be signed in, so details stay in the log and in doctor. */
  async reasons(): Promise<string[]> {
    if (this.#ending) return ['the server is ending'];
    const looks = this.#sandboxes === 'work' && this.#reach ? [...this.#looks, this.#reach] : this.#looks;
    const found = await Promise.all(looks.map(look => look.reason()));
    const reasons = found.filter(reason => reason !== null);
    if (this.#sandboxes === 'untried') reasons.push('the sandboxes are still being tried');
    if (this.#sandboxes === 'missing')
      reasons.push('no kind of sandbox works here; it is tried again: npm start -- doctor tells why');
    return reasons;
  }
}

/** One thing that may break later. However many ask, it is looked at once at a time, and not again while that is fresh. */
class Look {
  readonly #reason: string;
  readonly #work: () => Promise<unknown>;
  readonly #log: Pick<Log, 'warn'>;
  #last: { wrong: boolean; atMs: number } | null = null;
  #looking: Promise<string | null> | null = null;

  /**
   * @param reason what is told where it is wrong
   * @param work throws, or does not end in time, where it is wrong
   */
  constructor(reason: string, work: () => Promise<unknown>, log: Pick<Log, 'warn'>) {
    this.#reason = reason;
    this.#work = work;
    this.#log = log;
  }

  /** Null: nothing is wrong. */
  reason(): Promise<string | null> {
    if (this.#last && performance.now() - this.#last.atMs < freshMs)
      return Promise.resolve(this.#last.wrong ? this.#reason : null);
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<string | null> {
    const timer = new AbortController();
    const late = delay(answerMs, 'no answer in time', { signal: timer.signal, ref: false }).catch(() => 'broken off');
    const cause = await Promise.race([this.#work().then(() => null, messageOf), late]);
    timer.abort();
    const wrong = cause !== null;
    if (wrong && !this.#last?.wrong) this.#log.warn(`not ready: ${this.#reason}`, { cause });
    this.#last = { wrong, atMs: performance.now() };
    return wrong ? this.#reason : null;
  }
}

/** Some file systems have no size: nothing is said of those. */
async function freeBytes(folder: string): Promise<number> {
  const { blocks, bavail, bsize } = await statfs(folder);
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}
