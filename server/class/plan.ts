/** What an instructor sets a class up as. */
import type { ClassPlan } from '../api.ts';
import { UnicornError } from '../errors.ts';

export const noPlan: ClassPlan = { size: null, startsAtMs: null, deletesAtMs: null };

/** The pool is filled so long before the start. */
const leadMs = 15 * 60_000;
/** For those who come late there are places so long. */
const graceMs = 30 * 60_000;
/** A date beyond it is a slip of the pen. */
const farthestMs = 2 * 365 * 24 * 3_600_000;

/** @throws UnicornError `invalid` for what cannot be meant */
export function checkPlan({ startsAtMs, deletesAtMs }: ClassPlan, nowMs: number): void {
  for (const [name, atMs] of [
    ['start', startsAtMs],
    ['deletion', deletesAtMs],
  ] as const)
    if (atMs !== null && atMs > nowMs + farthestMs)
      throw new UnicornError('invalid', `The ${name} is more than two years ahead.`, 'Look at the year.');
  if (deletesAtMs !== null && deletesAtMs <= nowMs)
    throw new UnicornError(
      'invalid',
      'The date of the deletion has passed.',
      'Choose one to come: what learners made is deleted at once otherwise.',
    );
  if (deletesAtMs !== null && startsAtMs !== null && deletesAtMs <= startsAtMs)
    throw new UnicornError('invalid', 'The deletion would come before the start.', 'Choose a later date for it.');
}

export const hasBegun = ({ startsAtMs }: ClassPlan, nowMs: number): boolean =>
  startsAtMs !== null && startsAtMs <= nowMs;

/** How many sandboxes one of the servers keeps ready: around the start, one for each learner who is still to come. */
export function poolSize(
  { size, startsAtMs }: ClassPlan,
  now: { warm: number; joined: number; servers: number; nowMs: number },
): number {
  if (size === null || startsAtMs === null) return now.warm;
  const around = now.nowMs >= startsAtMs - leadMs && now.nowMs <= startsAtMs + graceMs;
  return around ? Math.max(now.warm, Math.ceil((size - now.joined) / now.servers)) : now.warm;
}
