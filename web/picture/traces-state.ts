import { signal } from '@preact/signals';
import type { CollectedTraces, Trace } from '../../server/api.ts';
import { asFailure, get, type RequestFailure } from '../api/request.ts';
import { learner, onTraffic } from '../state/learner.ts';
import { Repeat } from './repeat.ts';

/** What the collector in the sandbox has; undefined until it was asked, null where none answers. */
export const collected = signal<Trace[] | null | undefined>(undefined);
export const askFailure = signal<RequestFailure | null>(null);
/** Proxies send spans after at most five seconds, as Envoy does. */
const pace = { firstMs: 200, everyMs: 1000, forMs: 6000 };

/** Asks the collector for its traces, once. */
export async function askTraces(): Promise<void> {
  if (document.hidden || learner.peek()?.sandbox.phase !== 'ready') return;
  try {
    collected.value = (await get<CollectedTraces>('/api/traces')).traces;
    askFailure.value = null;
  } catch (cause) {
    askFailure.value = asFailure(cause);
  }
}

/** Asks after whatever may bring a trace: requests, programs that start and end, a sandbox that gets ready. Returns the way to stop. */
export function followTraces(): () => void {
  const repeat = new Repeat(askTraces, pace);
  const wake = () => repeat.wake();
  const stopTraffic = onTraffic(wake);
  // at once, and whenever the learner's state changes
  const stopState = learner.subscribe(wake);
  document.addEventListener('visibilitychange', wake);
  return () => {
    repeat.stop();
    stopTraffic();
    stopState();
    document.removeEventListener('visibilitychange', wake);
  };
}
