import type { CheckState, ExerciseState } from '../api.ts';
import { UnicornError } from '../errors.ts';
import type { Exercise, Workshop } from '../labs/content.ts';
import type { CheckRecord, ExerciseRecord, Store } from '../store/store.ts';
import type { Saving } from './saving.ts';
import type { SessionServices } from './services.ts';

type ProgressServices = Pick<SessionServices, 'workshop' | 'store' | 'saving'>;

interface Entry {
  record: ExerciseRecord;
  checks: Map<string, CheckRecord>;
  /** The failures seen since it was opened, so that the same one counts once. Null until the first run, which tells only where one begins. */
  failuresSeen: Set<string> | null;
}

/** What one learner has done in every exercise: in memory for pages and map, written through to the store. */
export class Progress {
  readonly #learner: string;
  readonly #workshop: Workshop;
  readonly #store: Store;
  readonly #saving: Saving;
  readonly #entries = new Map<string, Entry>();

  /** Reads it from the store. Exercises that the content no longer has are left out. */
  static async load(learner: string, services: ProgressServices): Promise<Progress> {
    const { workshop, store } = services;
    const progress = new Progress(learner, services);
    for (const record of await store.exercises(learner)) {
      if (!workshop.exercises.has(record.exercise)) continue;
      progress.#entries.set(record.exercise, { record, checks: new Map(), failuresSeen: null });
    }
    for (const check of await store.checks(learner)) {
      progress.#entries.get(check.exercise)?.checks.set(check.check.id, check);
    }
    return progress;
  }

  private constructor(learner: string, { workshop, store, saving }: ProgressServices) {
    this.#learner = learner;
    this.#workshop = workshop;
    this.#store = store;
    this.#saving = saving;
  }

  /** @throws UnicornError `not-found` */
  exercise(id: string): Exercise {
    const exercise = this.#workshop.exercises.get(id);
    if (!exercise) throw new UnicornError('not-found', 'There is no such exercise in this workshop.');
    return exercise;
  }

  record(id: string): ExerciseRecord {
    return this.#entry(id).record;
  }

  opened(): ExerciseRecord[] {
    return [...this.#entries.values()].map(({ record }) => record);
  }

  lastCheck(): CheckRecord | null {
    const all = [...this.#entries.values()].flatMap(({ checks }) => [...checks.values()]);
    return all.reduce<CheckRecord | null>((last, check) => (last && last.atMs >= check.atMs ? last : check), null);
  }

  state(id: string): ExerciseState {
    const exercise = this.exercise(id);
    const { record, checks } = this.#entry(id);
    return {
      id,
      passed: record.passedAtMs !== null,
      passedAtMs: record.passedAtMs,
      openedAtMs: record.openedAtMs,
      failures: record.failures,
      checks: exercise.checks.map(
        check => checks.get(check.id)?.check ?? { id: check.id, title: check.title, state: 'unknown' },
      ),
      hintsHtml: exercise.hintsHtml.slice(0, record.hints),
      solutionHtml: record.solutionShown ? exercise.solution.html : null,
      solvedBy: record.solvedBy,
    };
  }

  states(): Record<string, ExerciseState> {
    return Object.fromEntries([...this.#entries.keys()].map(id => [id, this.state(id)]));
  }

  /** The learner sees this exercise for the first time, or again. */
  async open(id: string): Promise<void> {
    const { record } = this.#entry(id);
    if (record.openedAtMs === null) await this.change(id, { openedAtMs: Date.now() });
  }

  async change(id: string, change: Partial<ExerciseRecord>): Promise<void> {
    const { record } = this.#entry(id);
    Object.assign(record, change);
    await this.#saving.save(`exercise ${this.#learner} ${id}`, () => this.#store.saveExercise(this.#learner, record));
  }

  /** Forgets how it went, but for the hints that were seen. */
  async reset(id: string): Promise<void> {
    const entry = this.#entry(id);
    const unknown = [...entry.checks.values()].map(({ exercise, check: { id: checkId, title } }) => ({
      exercise,
      check: { id: checkId, title, state: 'unknown' } satisfies CheckState,
      atMs: Date.now(),
    }));
    entry.checks.clear();
    entry.failuresSeen = null;
    const fresh = { openedAtMs: Date.now(), passedAtMs: null, failures: 0, solvedBy: null, answer: null };
    await this.change(id, fresh);
    await this.#saveChecks(id, () => unknown);
  }

  #saveChecks(id: string, records: () => CheckRecord[]): Promise<void> {
    return this.#saving.save(`checks ${this.#learner} ${id}`, () => this.#store.saveChecks(this.#learner, records()));
  }

  /**
   * Takes the results of a run. Answers whether anything changed that a page shows.
   *
   * @param counts whether failures are the learner's own
   */
  async take(id: string, results: CheckState[], counts: boolean): Promise<boolean> {
    const entry = this.#entry(id);
    const changed = results.filter(result => !sameResult(entry.checks.get(result.id)?.check, result));
    const failures = counts ? countNewFailures(entry, results) : 0;
    const passes =
      entry.record.passedAtMs === null && results.length > 0 && results.every(({ state }) => state === 'passed');
    const records = changed.map(check => ({ exercise: id, check, atMs: Date.now() }));
    for (const record of records) entry.checks.set(record.check.id, record);
    // All of them: what waits to be saved is replaced by what comes later.
    if (records.length > 0) await this.#saveChecks(id, () => [...entry.checks.values()]);
    if (passes) await this.#pass(id, entry.record);
    else if (failures > 0) await this.change(id, { failures: entry.record.failures + failures });
    return changed.length > 0 || passes || failures > 0;
  }

  async #pass(id: string, record: ExerciseRecord): Promise<void> {
    await this.change(id, {
      passedAtMs: Date.now(),
      solvedBy: record.solutionShown ? 'shown' : 'learner',
      revision: this.#workshop.revision,
    });
  }

  #entry(id: string): Entry {
    this.exercise(id);
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = { record: emptyRecord(id), checks: new Map(), failuresSeen: null };
      this.#entries.set(id, entry);
    }
    return entry;
  }
}

function emptyRecord(exercise: string): ExerciseRecord {
  return {
    exercise,
    openedAtMs: null,
    passedAtMs: null,
    failures: 0,
    hints: 0,
    solutionShown: false,
    solvedBy: null,
    answer: null,
    revision: null,
  };
}

/** What fails before the learner did anything is no failure of theirs; nor is the same one twice. */
function countNewFailures(entry: Entry, results: CheckState[]): number {
  const failing = results.filter(({ state }) => state === 'failed').map(({ id, found }) => `${id}\0${found ?? ''}`);
  if (entry.failuresSeen === null) {
    entry.failuresSeen = new Set(failing);
    return 0;
  }
  const seen = entry.failuresSeen;
  const fresh = failing.filter(failure => !seen.has(failure));
  for (const failure of fresh) if (seen.size < 1000) seen.add(failure);
  return fresh.length;
}

function sameResult(one: CheckState | undefined, other: CheckState): boolean {
  if (one === undefined) return false;
  return (
    one.state === other.state && one.expected === other.expected && one.found === other.found && one.hint === other.hint
  );
}
