import { randomBytes } from 'node:crypto';
import type { ClassState, InstructorEvent, InstructorMessage, LearnerRow } from '../api.ts';
import type { Learners, PlannedClass } from '../class/planned-class.ts';
import { messageOf, UnicornError } from '../errors.ts';
import type { Workshop } from '../labs/content.ts';
import type { Change, ReplicaListener } from '../replicas/replicas.ts';
import type { LearnerRecord } from '../store/store.ts';
import { ClassRows } from './class-rows.ts';
import { LearnerSession, type SessionClass } from './learner-session.ts';
import { Progress } from './progress.ts';
import { SandboxFinder } from './sandbox-finder.ts';
import type { SessionServices } from './services.ts';

const soloName = 'Learner';
const stuckEveryMs = 10_000;
const mostLearners = 2000;

/** Everyone who takes part, and what they are told together. */
export class Classroom implements SessionClass, ReplicaListener, Learners {
  readonly services: SessionServices;
  readonly planned: PlannedClass;
  readonly #joinUrl: () => string;
  readonly #sessions = new Map<string, LearnerSession>();
  readonly #instructors = new Set<(event: InstructorEvent) => void>();
  readonly #rows: ClassRows;
  readonly #finder: SandboxFinder;
  readonly #stuck = new Set<string>();
  readonly #stuckTimer: NodeJS.Timeout;
  #messages: InstructorMessage[] = [];
  #followSlide: string | null = null;
  #trouble: string | null = null;

  /** Reads the class from the store. */
  static async open(services: SessionServices, planned: PlannedClass, joinUrl: () => string): Promise<Classroom> {
    const { store, replicas } = services;
    const classroom = new Classroom(services, planned, joinUrl);
    classroom.#messages = await store.messages();
    classroom.#followSlide = await store.followSlide();
    for (const record of await store.learners()) await classroom.#add(record);
    if (!replicas.alone) await classroom.#rows.read();
    else for (const { learner } of await store.sandboxes()) classroom.#sessions.get(learner)?.expectSandbox();
    return classroom;
  }

  private constructor(services: SessionServices, planned: PlannedClass, joinUrl: () => string) {
    this.services = services;
    this.planned = planned;
    this.#joinUrl = joinUrl;
    const { replicas, store, saving } = services;
    this.#finder = new SandboxFinder(services);
    this.#rows = new ClassRows({
      replicas,
      store: store.replicas,
      show: learner => this.#tell({ type: 'learner', learner }),
    });
    saving.onPause(paused => {
      for (const session of this.#sessions.values()) session.publish({ type: 'saving', paused });
    });
    this.#stuckTimer = setInterval(() => this.#lookForStuck(), stuckEveryMs);
    this.#stuckTimer.unref();
  }

  get workshop(): Workshop {
    return this.services.workshop;
  }

  session(id: string): LearnerSession | undefined {
    return this.#sessions.get(id);
  }

  /** Also one who joined at another server just now. */
  async find(id: string): Promise<LearnerSession | undefined> {
    const known = this.#sessions.get(id);
    if (known || this.services.replicas.alone) return known;
    const record = await this.services.store.learner(id);
    if (!record) return undefined;
    const session = await this.#add(record);
    this.rowChanged(session);
    return session;
  }

  /** A new learner. @throws UnicornError `name-taken` */
  async join(name: string): Promise<LearnerSession> {
    if (this.#sessions.size >= mostLearners) throw new UnicornError('no-capacity', 'The class is full.');
    const now = Date.now();
    const record = {
      id: randomBytes(8).toString('hex'),
      name,
      joinedAtMs: now,
      lastSeenAtMs: now,
      lesson: null,
      home: null,
    };
    if (!(await this.services.store.addLearner(record))) {
      throw new UnicornError(
        'name-taken',
        'Someone has joined by this name already.',
        'If it was you, go on in that browser, or open the link that it gives you. Otherwise choose another name.',
      );
    }
    const session = await this.#add(record);
    this.rowChanged(session);
    this.services.replicas.tell({ kind: 'joined', id: record.id });
    return session;
  }

  /** The one learner of a machine that one person uses. */
  async solo(): Promise<LearnerSession> {
    if (!this.services.replicas.alone) await this.#compare(await this.services.store.learners());
    const [first] = this.#sessions.values();
    return first ?? this.join(soloName);
  }

  async remove(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (!session) return;
    const { store, provider, replicas, removals } = this.services;
    this.#forget(session);
    await session.endSandbox('You were removed from the workshop.');
    await session.close(false);
    const record = await store.learner(id);
    try {
      await provider.removeHome(record?.home ?? id);
    } catch (error) {
      // Whoever still has files here is still a learner, to be removed when that can be done.
      if (record) this.rowChanged(await this.#open(record));
      removals.retry({ kind: 'home', id: record?.home ?? id, remove: () => this.#removeAgain(id) }, error);
      throw error;
    }
    await store.removeLearner(id);
    const returned = this.#sessions.get(id);
    if (returned) this.#forget(returned);
    replicas.forget(id);
    replicas.tell({ kind: 'removed', id });
  }

  async #removeAgain(id: string): Promise<void> {
    const elsewhere = await this.services.replicas.reach(id);
    elsewhere?.socket.destroy();
    if (elsewhere) throw new Error('the learner is at another server now');
    await this.remove(id);
  }

  #forget(session: LearnerSession): void {
    this.#sessions.delete(session.id);
    this.#rows.forget(session);
    session.publish({ type: 'signed-out' });
    this.#tell({ type: 'learner-removed', id: session.id });
  }

  /** Sends events to an instructor's page, first the whole class. Answers how to stop. */
  subscribe(page: (event: InstructorEvent) => void): () => void {
    this.#instructors.add(page);
    page({ type: 'class', class: this.state() });
    return () => this.#instructors.delete(page);
  }

  state(): ClassState {
    return {
      learners: [...this.#sessions.values()].map(session => this.#rows.of(session)),
      joinUrl: this.#joinUrl(),
      ...this.planned.facts(),
      trouble: this.#trouble,
      followSlide: this.#followSlide,
      messages: this.#messages,
    };
  }

  /** The learners as this server sees them. */
  rows(): LearnerRow[] {
    return [...this.#sessions.values()].map(session => session.row());
  }

  messages(): InstructorMessage[] {
    return this.#messages;
  }

  followSlide(): string | null {
    return this.#followSlide;
  }

  /** Shows why no sandbox can run here just now; null: they can. */
  setTrouble(trouble: string | null): void {
    this.#trouble = trouble;
    this.#tell({ type: 'class', class: this.state() });
  }

  deletesAtMs(): number | null {
    return this.planned.plan.deletesAtMs;
  }

  get count(): number {
    return this.#sessions.size;
  }

  async classChanged(): Promise<void> {
    const { store } = this.services;
    this.#messages = await store.messages();
    this.#followSlide = await store.followSlide();
    this.#tell({ type: 'class', class: this.state() });
    const atMs = this.deletesAtMs();
    for (const session of this.#sessions.values()) session.publish({ type: 'deletes-at', atMs });
  }

  async removeAll(joinedUntilMs: number): Promise<boolean> {
    const { store, replicas } = this.services;
    const due = (await store.learners()).filter(({ joinedAtMs }) => joinedAtMs <= joinedUntilMs);
    let gone = 0;
    for (const { id } of due) {
      try {
        const elsewhere = await replicas.reach(id);
        elsewhere?.socket.destroy();
        if (elsewhere) continue;
        await this.remove(id);
        gone++;
      } catch (error) {
        // One who cannot be removed now keeps nobody else's files here.
        this.services.log.warn('a learner waits to be removed', { learner: id, cause: messageOf(error) });
      }
    }
    return gone === due.length;
  }

  async message(message: InstructorMessage): Promise<void> {
    await this.services.store.addMessage(message);
    this.#showMessage(message);
    this.services.replicas.tell({ kind: 'messages' });
  }

  async askToFollow(slide: string | null): Promise<void> {
    if (slide !== null && !this.workshop.slides.some(({ id }) => id === slide)) {
      throw new UnicornError('not-found', 'There is no such slide in this workshop.');
    }
    await this.services.store.setFollowSlide(slide);
    this.#showSlide(slide);
    this.services.replicas.tell({ kind: 'slide' });
  }

  #showMessage(message: InstructorMessage): void {
    this.#messages = [...this.#messages, message].slice(-100);
    this.#tellAll({ type: 'message', message });
  }

  #showSlide(slide: string | null): void {
    this.#followSlide = slide;
    this.#tellAll({ type: 'follow-slide', slide });
  }

  rowChanged(session: LearnerSession): void {
    if (this.#instructors.size > 0 || !this.services.replicas.alone) this.#rows.changed(session);
  }

  // ---- with other servers of the class

  /** The learner's session lives here from now on: opens it as the store has it, and looks for its sandbox. */
  async take(id: string): Promise<void> {
    const { store, replicas } = this.services;
    const record = await store.learner(id);
    if (!record) throw new UnicornError('not-found', 'There is no such learner.');
    const session = await this.#open(record);
    replicas.share([session.row()]);
    const sandbox = await store.sandboxOf(id);
    if (!sandbox) return;
    session.expectSandbox();
    const current = () => session === this.#sessions.get(id);
    this.#finder.rejoin(session, sandbox, current).catch(error => {
      this.services.log.error('a sandbox could not be looked for', { sandbox: sandbox.id, cause: messageOf(error) });
    });
  }

  /** The learner's session lives here no more; the sandbox goes on. */
  async lose(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    await session?.close(true);
    const record = await this.services.store.learner(id);
    if (record) await this.#open(record);
  }

  /** Another server changed something: reads it from the store and shows it. */
  async changed(change: Change): Promise<void> {
    const all = change.kind === 'all';
    const { store } = this.services;
    if (change.kind === 'joined') await this.find(change.id);
    if (change.kind === 'removed') this.#removedElsewhere(change.id);
    if (all) await this.#compare(await store.learners());
    if (all || change.kind === 'messages') this.#newMessages(await store.messages());
    if (all || change.kind === 'slide') this.#newSlide(await store.followSlide());
    if (all || change.kind === 'class') await this.planned.changed();
    if (all || change.kind === 'places') this.services.places.changed();
    if (all) await this.#rows.read();
    else if (change.kind === 'rows') await this.#rows.read(change.ids);
  }

  held(learners: ReadonlySet<string>): void {
    this.#rows.held(learners);
  }

  #removedElsewhere(id: string): void {
    const session = this.#sessions.get(id);
    if (session) this.#forget(session);
  }

  async #compare(records: LearnerRecord[]): Promise<void> {
    const there = new Set(records.map(({ id }) => id));
    for (const id of [...this.#sessions.keys()]) if (!there.has(id)) this.#removedElsewhere(id);
    for (const { id } of records) await this.find(id);
  }

  #newMessages(messages: InstructorMessage[]): void {
    const known = new Set(this.#messages.map(({ id }) => id));
    for (const message of messages) if (!known.has(message.id)) this.#showMessage(message);
  }

  #newSlide(slide: string | null): void {
    if (slide !== this.#followSlide) this.#showSlide(slide);
  }

  /** Takes over the sandboxes that outlived another server, and removes what belongs to nobody. */
  findSandboxes(): Promise<void> {
    return this.#finder.settle(id => this.#sessions.get(id));
  }

  /** Ends the sandboxes that belong to nobody; what could not be looked at before may be there now. */
  async endStrays(): Promise<void> {
    try {
      await this.#finder.endStrays();
    } catch (error) {
      this.services.log.error('what an earlier server left could not be removed', { cause: messageOf(error) });
    }
  }

  /** Ends the wait of `findSandboxes` for what is away. */
  stopLooking(): void {
    this.#finder.stop();
  }

  /** Ends every session in this server; `keep` lets the sandboxes live. */
  async close(keep: boolean): Promise<void> {
    clearInterval(this.#stuckTimer);
    this.#rows.stop();
    this.#finder.stop();
    const results = await Promise.allSettled([...this.#sessions.values()].map(session => session.close(keep)));
    for (const result of results) {
      if (result.status === 'rejected')
        this.services.log.error('a session did not end', { cause: messageOf(result.reason) });
    }
  }

  /** A session of this learner, unless there is one. */
  async #add(record: LearnerRecord): Promise<LearnerSession> {
    const progress = await Progress.load(record.id, this.services);
    return this.#sessions.get(record.id) ?? this.#put(record, progress);
  }

  /** A new session of this learner, in the place of any other. */
  async #open(record: LearnerRecord): Promise<LearnerSession> {
    return this.#put(record, await Progress.load(record.id, this.services));
  }

  #put(record: LearnerRecord, progress: Progress): LearnerSession {
    const session = new LearnerSession(record, progress, this);
    this.#sessions.set(session.id, session);
    return session;
  }

  #tellAll(event: Extract<InstructorEvent, { type: 'message' | 'follow-slide' }>): void {
    for (const session of this.#sessions.values()) session.publish(event);
    this.#tell(event);
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
