import type { ClassContent, ClassPlan, ClassState } from '../api.ts';
import { messageOf, UnicornError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Replicas } from '../replicas/replicas.ts';
import { newClassCode } from '../secrets.ts';
import type { ClassStore } from '../store/class-store.ts';
import { packContent } from './content.ts';
import { checkPlan, hasBegun, noPlan, poolSize } from './plan.ts';

const lookEveryMs = 5000;

/** What a class needs of those who take part. */
export interface Learners {
  /** How many joined. */
  readonly count: number;
  /** The class is not what it was: show it. */
  classChanged(): Promise<void>;
  /** Removes those whose sessions live in this server, or nowhere, of the ones who joined by then. Answers whether nobody is left. */
  removeAll(joinedUntilMs: number): Promise<boolean>;
}

export interface PlannedClassOptions {
  store: ClassStore;
  replicas: Replicas;
  log: Log;
  /** What is kept of the secrets as the code to join by. */
  codeName: 'classCode' | 'aloneCode';
  code: string;
  /** Where the server's own content lies, and what of it is served. */
  labs: string;
  revision: string;
  /** Of the content in `labs`. */
  newestRevision: string;
  warm: number;
  maximumSandboxes(): number;
}

/** The class as its instructor set it up: its code, its size, its start, its content, its end. */
export class PlannedClass {
  readonly #options: PlannedClassOptions;
  #plan: ClassPlan = noPlan;
  #keptRevision: string | null = null;
  #code: string;
  #servers = 1;
  #learners: Learners | null = null;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();
  #packed: Promise<string | null> | null = null;
  #stopped = false;

  static async open(options: PlannedClassOptions): Promise<PlannedClass> {
    const made = new PlannedClass(options);
    await made.#read();
    return made;
  }

  private constructor(options: PlannedClassOptions) {
    this.#options = options;
    this.#code = options.code;
  }

  /** What a learner needs to join. */
  get code(): string {
    return this.#code;
  }

  get plan(): ClassPlan {
    return this.#plan;
  }

  facts(): Pick<ClassState, 'code' | 'plan' | 'content' | 'maximumSandboxes'> {
    const { maximumSandboxes } = this.#options;
    return { code: this.#code, plan: this.#plan, content: this.#content(), maximumSandboxes: maximumSandboxes() };
  }

  /** How many sandboxes this server keeps ready just now. */
  poolSize(): number {
    const { warm } = this.#options;
    const joined = this.#learners?.count ?? 0;
    return poolSize(this.#plan, { warm, joined, servers: this.#servers, nowMs: Date.now() });
  }

  /** Begins to look at the clock. */
  start(learners: Learners): void {
    this.#learners = learners;
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#looking;
  }

  /** @throws UnicornError `invalid` */
  async set(plan: ClassPlan): Promise<void> {
    const nowMs = Date.now();
    // A date that stays as it is need not be good any more.
    checkPlan(plan.deletesAtMs === this.#plan.deletesAtMs ? { ...plan, deletesAtMs: null } : plan, nowMs);
    await this.#options.store.setPlan(plan);
    // Until it begins again, it has no content of its own.
    if (!hasBegun(plan, nowMs)) await this.#options.store.releaseContent();
    // From now on changes on the disk are not in it. Where this fails, the next look tries again, and tells.
    if (plan.startsAtMs !== null) await this.#packContent().catch(() => null);
    await this.#change();
    this.#look();
  }

  /** The class ends at once, as it does on its date: what its learners made and did is deleted, whoever cannot be removed yet is tried again. */
  async endNow(): Promise<void> {
    await this.#options.store.setPlan({ ...this.#plan, deletesAtMs: Date.now() });
    await this.#change();
    this.#look();
  }

  /** Makes a new code; the one before opens nothing any more. Who has joined stays. */
  async renewCode(): Promise<void> {
    await this.#options.store.setSecret(this.#options.codeName, newClassCode(this.#options.codeName));
    await this.#change();
  }

  /** The class goes on with the content of the labs folder from the next start of the server. @throws UnicornError `invalid` */
  async takeNewContent(): Promise<void> {
    const { revision, newestRevision } = this.#options;
    if (revision === newestRevision) throw new UnicornError('invalid', 'There is no newer content here.');
    await this.#options.store.releaseContent();
    this.#keptRevision = null;
    await this.#change();
  }

  /** Another server changed it. */
  async changed(): Promise<void> {
    await this.#read();
    await this.#learners?.classChanged();
  }

  async #change(): Promise<void> {
    await this.changed();
    this.#options.replicas.tell({ kind: 'class' });
  }

  async #read(): Promise<void> {
    const { store, codeName, code } = this.#options;
    const { plan, revision } = await store.plan();
    this.#plan = plan;
    this.#keptRevision = revision;
    this.#code = (await store.secret(codeName)) ?? code;
  }

  #content(): ClassContent {
    const { revision, newestRevision: newest } = this.#options;
    return { revision, newest, kept: this.#keptRevision !== null };
  }

  /** One look after the other. */
  #look(): void {
    this.#looking = this.#looking
      .then(() => this.#lookNow())
      .catch(error => this.#options.log.warn('the plan of the class waits', { cause: messageOf(error) }))
      .finally(() => this.#lookLater());
  }

  /** At the latest when the next time of the plan comes. */
  #lookLater(): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#stopped) return;
    const { startsAtMs, deletesAtMs } = this.#plan;
    const ahead = [startsAtMs, deletesAtMs].map(atMs => (atMs ?? 0) - Date.now()).filter(ms => ms > 0);
    this.#timer = setTimeout(() => this.#look(), Math.min(lookEveryMs, ...ahead));
    this.#timer.unref();
  }

  async #lookNow(): Promise<void> {
    if (this.#stopped) return;
    const { replicas } = this.#options;
    if (!replicas.alone) this.#servers = Math.max(1, await replicas.count());
    const { startsAtMs, deletesAtMs } = this.#plan;
    if (startsAtMs !== null && this.#keptRevision === null) await this.#keepContent();
    if (deletesAtMs !== null && deletesAtMs <= Date.now()) await this.#end();
  }

  /** Packs what is served as soon as a start is set, and keeps it from the start on. */
  async #keepContent(): Promise<void> {
    const packed = await this.#packContent();
    if (packed === null || !hasBegun(this.#plan, Date.now())) return;
    const { store, revision, log } = this.#options;
    await store.keepContent(revision, packed);
    log.info('the class has begun: it goes on with the content that it began with', { revision });
    await this.#change();
  }

  /** Null where the labs folder does not hold what is served. */
  #packContent(): Promise<string | null> {
    const { revision, newestRevision } = this.#options;
    // The one before goes on until the server starts again.
    if (revision !== newestRevision) return Promise.resolve(null);
    this.#packed ??= this.#pack();
    return this.#packed;
  }

  async #pack(): Promise<string | null> {
    const { labs, revision, log } = this.#options;
    try {
      const packed = await packContent(labs, revision);
      if (packed === null)
        log.warn('the labs folder is not what is served any more: the class cannot keep its lessons', {
          remedy: 'start the server again',
        });
      return packed;
    } catch (error) {
      this.#packed = null;
      throw error;
    }
  }

  /** Each server removes the learners it has; who finds nobody left closes the class. */
  async #end(): Promise<void> {
    // The date may have been put off at another server without that being heard here; what is deleted does not come back.
    const knownMs = this.#plan.deletesAtMs;
    await this.#read();
    const { deletesAtMs } = this.#plan;
    if (deletesAtMs !== knownMs) await this.#learners?.classChanged();
    if (deletesAtMs === null || deletesAtMs > Date.now()) return;
    if (!(await this.#learners?.removeAll(deletesAtMs))) return;
    const { store, codeName, log } = this.#options;
    if (!(await store.end(deletesAtMs, { [codeName]: newClassCode(codeName) }))) return;
    log.warn('the class has ended, and all that its learners made and did was deleted, as it was set up');
    await this.#change();
  }
}
