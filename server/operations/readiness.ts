import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../store/store.ts';

/** A probe of Kubernetes waits one second unless it is told otherwise. */
const storeMs = 800;

/** Whether this server can serve learners. */
export class Readiness {
  readonly #store: Pick<Store, 'followSlide'>;
  #sandboxes: 'untried' | 'work' | 'missing' = 'untried';

  constructor(store: Pick<Store, 'followSlide'>) {
    this.#store = store;
  }

  /** What the trial of the sandboxes found. */
  tried(usable: boolean): void {
    this.#sandboxes = usable ? 'work' : 'missing';
  }

  /** Why it cannot; none: it can. Whoever asks need not be signed in, so details stay in the log and in doctor. */
  async reasons(): Promise<string[]> {
    const reasons: string[] = [];
    if (!(await this.#storeAnswers())) reasons.push('the database does not answer');
    if (this.#sandboxes === 'untried') reasons.push('the sandboxes are still being tried');
    if (this.#sandboxes === 'missing') reasons.push('no kind of sandbox works here: npm start -- doctor tells why');
    return reasons;
  }

  async #storeAnswers(): Promise<boolean> {
    const timer = new AbortController();
    const late = delay(storeMs, false, { signal: timer.signal, ref: false }).catch(() => false);
    const answers = this.#store.followSlide().then(
      () => true,
      () => false,
    );
    const answered = await Promise.race([answers, late]);
    timer.abort();
    return answered;
  }
}
