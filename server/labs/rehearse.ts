import { Capacity } from '../sessions/capacity.ts';
import type { Exercise, Workshop } from './content.ts';
import { Proof, type ProofCase } from './proof.ts';
import type { TestSandbox, TestSandboxes } from './test-sandbox.ts';

/** What one learner of a rehearsal met. */
export interface Rehearsed {
  /** From asking, with the wait for a place, until the agent answered; null: there was no sandbox. */
  readyMs: number | null;
  /** The most that the sandbox held after any exercise, bytes; null: never asked. */
  memoryBytes: number | null;
  /** By exercise id; an exercise that is missing was not reached. */
  exercises: Map<string, ProofCase[]>;
  /** What ended it early. */
  failure: string | null;
}

/**
 * A class without people: everyone asks for a sandbox at the same moment, then does all exercises as their solutions do. Who is beyond those that may
 * run at once waits in a queue, as in a class. All sandboxes are ended before it answers, also where `signal` breaks it off.
 */
export async function rehearse(
  workshop: Workshop,
  exercises: readonly Exercise[],
  learners: number,
  { sandboxes, signal }: { sandboxes: Pick<TestSandboxes, 'make' | 'maximum'>; signal: AbortSignal },
): Promise<Rehearsed[]> {
  const places = new Capacity(sandboxes.maximum);
  const make = async (): Promise<TestSandbox> => {
    const release = await places.acquire(signal, () => {});
    try {
      const { agent, end } = await sandboxes.make();
      return { agent, end: () => end().finally(release) };
    } catch (error) {
      release();
      throw error;
    }
  };
  return Promise.all(Array.from({ length: learners }, () => new Learner(workshop, exercises, signal).run(make)));
}

class Learner {
  readonly #workshop: Workshop;
  readonly #exercises: readonly Exercise[];
  readonly #signal: AbortSignal;
  readonly #met: Rehearsed = { readyMs: null, memoryBytes: null, exercises: new Map(), failure: null };

  constructor(workshop: Workshop, exercises: readonly Exercise[], signal: AbortSignal) {
    this.#workshop = workshop;
    this.#exercises = exercises;
    this.#signal = signal;
  }

  async run(make: () => Promise<TestSandbox>): Promise<Rehearsed> {
    const askedMs = performance.now();
    try {
      const sandbox = await make();
      this.#met.readyMs = performance.now() - askedMs;
      await this.#work(sandbox).finally(() => sandbox.end());
    } catch (error) {
      this.#met.failure = error instanceof Error ? error.message : String(error);
    }
    return this.#met;
  }

  async #work({ agent }: TestSandbox): Promise<void> {
    for (const exercise of this.#exercises) {
      this.#signal.throwIfAborted();
      const cases = await new Proof(this.#workshop, exercise, agent, this.#signal).runSolution();
      this.#met.exercises.set(exercise.id, cases);
      const { memoryBytes } = await agent.call('usage', {}, { signal: this.#signal });
      this.#met.memoryBytes = Math.max(this.#met.memoryBytes ?? 0, memoryBytes);
    }
  }
}

/** What there is to tell of a rehearsal, and how much of it failed. */
export function rehearsalReport(
  exercises: readonly Exercise[],
  learners: readonly Rehearsed[],
): { text: string; failed: number } {
  const ready = learners.flatMap(({ readyMs }) => (readyMs === null ? [] : [readyMs / 1000]));
  const memory = learners.flatMap(({ memoryBytes }) => (memoryBytes === null ? [] : [memoryBytes / 2 ** 20]));
  const ended = learners.flatMap(({ failure }, index) =>
    failure === null ? [] : [`learner ${index + 1}: ${failure}`],
  );
  const told = exercises.map(exercise => exerciseLines(exercise, learners));
  const done = learners.filter(learner => allPassed(exercises, learner)).length;
  const lines = [
    `time to ready    ${spread(ready, 's', 2)}`,
    `memory           ${spread(memory, 'MiB', 0)}`,
    ...told.flat(),
    ...ended.map(line => `✗ ${line}`),
    `${done} of ${learners.length} learners passed everything`,
  ];
  return { text: `${lines.join('\n')}\n`, failed: learners.length - done };
}

function allPassed(exercises: readonly Exercise[], learner: Rehearsed): boolean {
  return learner.failure === null && exercises.every(({ id }) => passed(learner.exercises.get(id)));
}

function passed(cases: ProofCase[] | undefined): boolean {
  return cases?.every(one => one.passed) ?? false;
}

/** One line of an exercise, then what each learner met who did not pass it. */
function exerciseLines({ id, lesson }: Exercise, learners: readonly Rehearsed[]): string[] {
  const count = learners.filter(learner => passed(learner.exercises.get(id))).length;
  const seconds = learners.flatMap(learner => {
    const cases = learner.exercises.get(id);
    return cases ? [cases.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000] : [];
  });
  const failures = learners.flatMap((learner, index) =>
    (learner.exercises.get(id) ?? [])
      .filter(one => !one.passed)
      .map(one => `    learner ${index + 1}: ${one.name}: ${one.detail.replaceAll('\n', '\n        ')}`),
  );
  const mark = count === learners.length ? '✓' : '✗';
  return [`${mark} ${lesson} ${id}: ${count} of ${learners.length} (${spread(seconds, 's', 1)})`, ...failures];
}

function spread(values: number[], unit: string, digits: number): string {
  if (values.length === 0) return 'unknown';
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1]!.toFixed(digits);
  return `p50 ${at(0.5)} ${unit}, p90 ${at(0.9)} ${unit}, max ${at(1)} ${unit}`;
}
