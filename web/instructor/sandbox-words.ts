import type { SandboxState } from '../../server/api.ts';
import { duration } from '../parts/time.ts';

/** A sandbox's state in a word or two; of one that runs, how long it still does if nothing happens in it. */
export function sandboxWords(sandbox: SandboxState, nowMs: number): string {
  switch (sandbox.phase) {
    case 'none':
      return 'none yet';
    case 'queued':
      return `queued, ${sandbox.place}`;
    case 'starting':
      return 'starting';
    case 'ready':
      return sandbox.expiresAtMs === null ? 'running' : `running, ${duration(sandbox.expiresAtMs - nowMs)}`;
    case 'reconnecting':
      return 'reconnecting';
    case 'failed':
      return 'failed';
    case 'ended':
      return 'ended';
  }
}
