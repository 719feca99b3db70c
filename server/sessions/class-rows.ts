import type { LearnerRow } from '../api.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { ReplicaStore } from '../store/replica-store.ts';
import type { LearnerSession } from './learner-session.ts';

const delayMs = 50;

export interface ClassRowsOptions {
  replicas: Replicas;
  store: ReplicaStore;
  /** Shows a row that has changed on the maps here. */
  show(row: LearnerRow): void;
}

/** The rows of the instructor's map: of the sessions that live here, told to the other servers, and of those that live there, as they tell them. */
export class ClassRows {
  readonly #options: ClassRowsOptions;
  readonly #changed = new Set<LearnerSession>();
  readonly #others = new Map<string, LearnerRow>();
  #timer: NodeJS.Timeout | null = null;
  #toRead: Set<string> | 'all' = new Set();
  #reading: Promise<void> | null = null;

  constructor(options: ClassRowsOptions) {
    this.#options = options;
  }

  of(session: LearnerSession): LearnerRow {
    return this.#options.replicas.owns(session.id) ? session.row() : (this.#others.get(session.id) ?? session.row());
  }

  /** Changes come in bursts: they are told together. */
  changed(session: LearnerSession): void {
    this.#changed.add(session);
    this.#timer ??= setTimeout(() => this.#tell(), delayMs);
  }

  forget(session: LearnerSession): void {
    this.#changed.delete(session);
    this.#others.delete(session.id);
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** Reads what other servers tell of these learners, or of all; one read after the other, so that the newest stays. */
  read(learners?: string[]): Promise<void> {
    if (!learners) this.#toRead = 'all';
    else if (this.#toRead !== 'all') for (const id of learners) this.#toRead.add(id);
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    while (this.#toRead === 'all' || this.#toRead.size > 0) {
      const learners = this.#toRead === 'all' ? undefined : [...this.#toRead];
      this.#toRead = new Set();
      for (const row of await this.#options.store.rows(learners)) this.#take(row);
    }
  }

  #take(row: LearnerRow): void {
    this.#others.set(row.id, row);
    if (!this.#options.replicas.owns(row.id)) this.#options.show(row);
  }

  /** Whoever has no session anywhere is not there, whatever a server that was lost told last. */
  held(learners: ReadonlySet<string>): void {
    for (const row of this.#others.values()) {
      if (!row.online || learners.has(row.id)) continue;
      this.#others.set(row.id, { ...row, online: false, stuck: false });
      this.#options.show({ ...row, online: false, stuck: false });
    }
  }

  #tell(): void {
    this.#timer = null;
    const { replicas, show } = this.#options;
    const sessions = [...this.#changed];
    this.#changed.clear();
    for (const session of sessions) show(this.of(session));
    if (!replicas.alone) replicas.share(sessions.filter(({ id }) => replicas.owns(id)).map(session => session.row()));
  }
}
