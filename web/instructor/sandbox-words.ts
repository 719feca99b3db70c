import type { SandboxState } from '../../server/api.ts';

/** A sandbox's state in a word or two. */
export function sandboxWords(sandbox: SandboxState): string {
  switch (sandbox.phase) {
    case 'none':
      return 'none yet';
    case 'queued':
      return `queued, ${sandbox.place}`;
    case 'starting':
      return 'starting';
    case 'ready':
      return 'running';
    case 'reconnecting':
      return 'reconnecting';
    case 'failed':
      return 'failed';
    case 'ended':
      return 'ended';
  }
}
