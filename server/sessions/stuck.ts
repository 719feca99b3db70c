import type { Exercise } from '../labs/content.ts';

const manyFailures = 5;
const shortestMs = 4 * 60_000;

/** Whether someone is stuck: on one exercise for twice its time, or with many different failures. */
export function isStuck(
  exercise: Pick<Exercise, 'minutes'>,
  failures: number,
  sinceMs: number,
  nowMs: number,
): boolean {
  return failures >= manyFailures || nowMs - sinceMs > Math.max(shortestMs, exercise.minutes * 2 * 60_000);
}
