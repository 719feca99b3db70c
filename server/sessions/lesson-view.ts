import type { LearnerRow } from '../api.ts';
import type { Lesson, Workshop } from '../labs/content.ts';
import type { Progress } from './progress.ts';
import { isStuck } from './stuck.ts';

/** The lesson that a learner has open, and how they get on in it. */
export class LessonView {
  readonly #workshop: Workshop;
  readonly #progress: Progress;
  #lesson: Lesson | null;
  #openedAtMs = Date.now();

  constructor(workshop: Workshop, progress: Progress, lesson: string | null) {
    this.#workshop = workshop;
    this.#progress = progress;
    this.#lesson = (lesson === null ? undefined : workshop.lessons.get(lesson)) ?? null;
  }

  get lesson(): Lesson | null {
    return this.#lesson;
  }

  get id(): string | null {
    return this.#lesson?.id ?? null;
  }

  open(lesson: Lesson): void {
    if (this.#lesson?.id !== lesson.id) this.#openedAtMs = Date.now();
    this.#lesson = this.#workshop.lessons.get(lesson.id) ?? null;
  }

  /** The ids of the lesson's exercises. */
  exercises(): string[] {
    return this.#lesson?.exercises.map(({ id }) => id) ?? [];
  }

  /** The exercise that is not passed yet, if any. */
  current(): string | null {
    return this.exercises().find(id => this.#progress.record(id).passedAtMs === null) ?? null;
  }

  /** Whether the learner is stuck in the current exercise: its time began when the one before it was passed. */
  stuck(nowMs: number): boolean {
    const current = this.current();
    if (current === null) return false;
    const { openedAtMs, failures } = this.#progress.record(current);
    const passed = this.exercises().map(id => this.#progress.record(id).passedAtMs ?? 0);
    const since = Math.max(openedAtMs ?? nowMs, this.#openedAtMs, ...passed);
    return isStuck(this.#progress.exercise(current), failures, since, nowMs);
  }

  /** What the instructor's map shows of it. */
  row(): Pick<LearnerRow, 'lesson' | 'exercises' | 'current' | 'lastCheck'> {
    const opened = this.#progress.opened().filter(({ openedAtMs }) => openedAtMs !== null);
    const exercises = opened.map(({ exercise, openedAtMs, passedAtMs, failures, solvedBy }) => [
      exercise,
      { passed: passedAtMs !== null, openedAtMs, passedAtMs, failures, solvedBy },
    ]);
    return {
      lesson: this.id,
      exercises: Object.fromEntries(exercises) as LearnerRow['exercises'],
      current: this.current(),
      lastCheck: this.#progress.lastCheck(),
    };
  }
}
