import type { AgentClient } from '../agent/client.ts';
import type { Sandbox } from '../providers/provider.ts';

/** A sandbox that is ready and waits for a learner. */
export interface Spare {
  sandbox: Sandbox;
  agent: AgentClient;
  createdAtMs: number;
  /** Gives its place back. */
  release(): void;
}

/** Where those wait. */
export interface SparePool {
  /** One for a learner who has no home yet, theirs from now on; null where there is none. Nobody else gets it. */
  take(learner: string): Promise<Spare | null>;
  /** Someone who needs a sandbox of their own finds no place: ends one that waits, if any does. */
  makeRoom(): void;
}
