import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClassState, InstructorEvent, InstructorMessage } from '../api.ts';
import { messageOf, UnicornError } from '../errors.ts';
import type { Workshop } from '../labs/content.ts';
import { ProviderError, type Sandbox } from '../providers/provider.ts';
import type { LearnerRecord } from '../store/store.ts';
import { LearnerSession, type SessionClass } from './learner-session.ts';
import { Progress } from './progress.ts';
import type { SessionServices } from './services.ts';

const soloName = 'Learner';
const rowDelayMs = 50;
const stuckEveryMs = 10_000;
const mostLearners = 2000;
/** How long and how often the sandboxes of an earlier server are looked for. */
const findMs = 120_000;
const findEveryMs = 500;

/** Everyone who takes part, and what they are told together. */
export class Classroom implements SessionClass {
  readonly services: SessionServices;
  readonly #invitation: () => Pick<ClassState, 'joinUrl' | 'code'>;
  readonly #sessions = new Map<string, LearnerSession>();
  readonly #instructors = new Set<(event: InstructorEvent) => void>();
  readonly #changedRows = new Set<LearnerSession>();
  readonly #stuck = new Set<string>();
  readonly #stuckTimer: NodeJS.Timeout;
  #rowTimer: NodeJS.Timeout | null = null;
  #messages: InstructorMessage[] = [];
  #followSlide: string | null = null;

  /** Reads the class from the store. */
  static async open(
    services: SessionServices,
    invitation: () => Pick<ClassState, 'joinUrl' | 'code'>,
  ): Promise<Classroom> {
    const { store } = services;
    const classroom = new Classroom(services, invitation);
    classroom.#messages = await store.messages();
    classroom.#followSlide = await store.followSlide();
    for (const record of await store.learners()) await classroom.#add(record);
    for (const { learner } of await store.sandboxes()) classroom.#sessions.get(learner)?.expectSandbox();
    return classroom;
  }

  private constructor(services: SessionServices, invitation: () => Pick<ClassState, 'joinUrl' | 'code'>) {
    this.services = services;
    this.#invitation = invitation;
    this.#stuckTimer = setInterval(() => this.#lookForStuck(), stuckEveryMs);
    this.#stuckTimer.unref();
  }

  get workshop(): Workshop {
    return this.services.workshop;
  }

  session(id: string): LearnerSession | undefined {
    return this.#sessions.get(id);
  }

  /** A new learner. @throws UnicornError `name-taken` */
  async join(name: string): Promise<LearnerSession> {
    if (this.#sessions.size >= mostLearners) throw new UnicornError('no-capacity', 'The class is full.');
    const now = Date.now();
    const record = { id: randomBytes(8).toString('hex'), name, joinedAtMs: now, lastSeenAtMs: now, lesson: null };
    if (!(await this.services.store.addLearner(record))) {
      throw new UnicornError(
        'name-taken',
        'Someone has joined by this name already.',
        'If it was you, go on in that browser, or open the link that it gives you. Otherwise choose another name.',
      );
    }
    const session = await this.#add(record);
    this.rowChanged(session);
    return session;
  }

  /** The one learner of a machine that one person uses. */
  async solo(): Promise<LearnerSession> {
    const [first] = this.#sessions.values();
    return first ?? this.join(soloName);
  }

  async remove(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    this.#changedRows.delete(session);
    session.publish({ type: 'signed-out' });
    this.#tell({ type: 'learner-removed', id });
    await session.endSandbox('You were removed from the workshop.');
    await session.close(false);
    await this.services.store.removeLearner(id);
    await this.services.provider.removeHome(id);
  }

  /** Sends events to an instructor's page, first the whole class. Answers how to stop. */
  subscribe(page: (event: InstructorEvent) => void): () => void {
    this.#instructors.add(page);
    page({ type: 'class', class: this.state() });
    return () => this.#instructors.delete(page);
  }

  state(): ClassState {
    return {
      learners: [...this.#sessions.values()].map(session => session.row()),
      ...this.#invitation(),
      followSlide: this.#followSlide,
      messages: this.#messages,
    };
  }

  messages(): InstructorMessage[] {
    return this.#messages;
  }

  followSlide(): string | null {
    return this.#followSlide;
  }

  async message(message: InstructorMessage): Promise<void> {
    await this.services.store.addMessage(message);
    this.#messages = [...this.#messages, message].slice(-100);
    for (const session of this.#sessions.values()) session.publish({ type: 'message', message });
    this.#tell({ type: 'message', message });
  }

  async askToFollow(slide: string | null): Promise<void> {
    if (slide !== null && !this.workshop.slides.some(({ id }) => id === slide)) {
      throw new UnicornError('not-found', 'There is no such slide in this workshop.');
    }
    await this.services.store.setFollowSlide(slide);
    this.#followSlide = slide;
    for (const session of this.#sessions.values()) session.publish({ type: 'follow-slide', slide });
    this.#tell({ type: 'follow-slide', slide });
  }

  rowChanged(session: LearnerSession): void {
    if (this.#instructors.size === 0) return;
    this.#changedRows.add(session);
    this.#rowTimer ??= setTimeout(() => this.#tellRows(), rowDelayMs);
  }

  /** Takes over the sandboxes that outlived another server, and removes what belongs to nobody. The signal ends the wait for what is away. */
  async findSandboxes(signal: AbortSignal): Promise<void> {
    const { provider, store, log } = this.services;
    const records = await store.sandboxes();
    const living = await this.#find(signal);
    if (signal.aborted) return;
    const found = new Map(living.map(sandbox => [sandbox.id, sandbox]));
    for (const record of records) {
      const sandbox = found.get(record.id);
      const session = this.#sessions.get(record.learner);
      if (sandbox && session) session.adoptSandbox(sandbox, record);
      else {
        session?.tellSandboxGone();
        await store.removeSandbox(record.id);
      }
      if (session) found.delete(record.id);
    }
    for (const sandbox of found.values()) {
      log.info('ending a sandbox that belongs to nobody', { sandbox: sandbox.id });
      await sandbox.end();
    }
    await provider.sweep();
  }

  /** Ends every session in this server; `keep` lets the sandboxes live. */
  async close(keep: boolean): Promise<void> {
    clearInterval(this.#stuckTimer);
    if (this.#rowTimer) clearTimeout(this.#rowTimer);
    const results = await Promise.allSettled([...this.#sessions.values()].map(session => session.close(keep)));
    for (const result of results) {
      if (result.status === 'rejected')
        this.services.log.error('a session did not end', { cause: messageOf(result.reason) });
    }
  }

  /** While what the sandboxes run on is away, so are they: it is waited for. */
  async #find(signal: AbortSignal): Promise<Sandbox[]> {
    const giveUpMs = Date.now() + findMs;
    for (;;) {
      try {
        return await this.services.provider.find();
      } catch (error) {
        const away = error instanceof ProviderError && error.code === 'unreachable';
        if (!away || signal.aborted || Date.now() > giveUpMs) return this.#notFound(error);
        await delay(findEveryMs, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  #notFound(error: unknown): Sandbox[] {
    this.services.log.error('sandboxes of an earlier server could not be looked for', { cause: messageOf(error) });
    return [];
  }

  async #add(record: LearnerRecord): Promise<LearnerSession> {
    const progress = await Progress.load(record.id, this.workshop, this.services.store);
    const session = new LearnerSession(record, progress, this);
    this.#sessions.set(session.id, session);
    return session;
  }

  #tellRows(): void {
    this.#rowTimer = null;
    const changed = [...this.#changedRows];
    this.#changedRows.clear();
    for (const session of changed) this.#tell({ type: 'learner', learner: session.row() });
  }

  #tell(event: InstructorEvent): void {
    for (const page of this.#instructors) page(event);
  }

  /** Who is stuck changes as time goes by, without any event. */
  #lookForStuck(): void {
    const now = Date.now();
    for (const session of this.#sessions.values()) {
      const stuck = session.stuck(now);
      if (stuck === this.#stuck.has(session.id)) continue;
      if (stuck) this.#stuck.add(session.id);
      else this.#stuck.delete(session.id);
      this.rowChanged(session);
    }
  }
}
