import type { Duplex } from 'node:stream';
import type { AgentClient } from '../agent/client.ts';
import type { Workshop } from '../labs/content.ts';
import type { Log } from '../log.ts';
import type { ServerMetrics } from '../operations/server-metrics.ts';
import type { Provider, SandboxLimits } from '../providers/provider.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { Store } from '../store/store.ts';
import type { Capacity } from './capacity.ts';
import type { Places } from './places.ts';
import type { Removals } from './removals.ts';
import type { Saving } from './saving.ts';
import type { SparePool } from './spare.ts';

/** What makes sandboxes. */
export interface SandboxServices {
  workshop: Workshop;
  store: Store;
  provider: Provider;
  /** How many there are at once. */
  places: Places;
  /** How many are being made at once; who comes later is made later. */
  creating: Capacity;
  log: Log;
  metrics: ServerMetrics;
  limits: SandboxLimits;
  orphanTimeoutSeconds: number;
  /** Milliseconds without a learner after which a sandbox ends; 0: never. */
  idleMs: number;
  connectAgent(stream: Duplex): Promise<AgentClient>;
  replicas: Replicas;
  saving: Saving;
  /** Of sandboxes and homes that do not go. */
  removals: Removals;
}

/** What every learner's session works with. */
export interface SessionServices extends SandboxServices {
  pool: SparePool;
}
