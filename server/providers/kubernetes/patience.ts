import { setTimeout as delay } from 'node:timers/promises';
import { isUnreachable } from './refusals.ts';

/** An API server that is made anew, or moved, is away for so long. */
const usualMs = 120_000;
const longestWaitMs = 3000;

/**
 * Calls until the cluster answers: what it refuses is thrown at once, that nobody answers is waited out.
 *
 * @throws what the call threw last
 */
export async function patiently<T>(call: () => Promise<T>, limitMs = usualMs): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (let wait = 100; ; wait = Math.min(2 * wait, longestWaitMs)) {
    try {
      return await call();
    } catch (error) {
      if (!isUnreachable(error) || performance.now() + wait > deadline) throw error;
      await delay(wait);
    }
  }
}
