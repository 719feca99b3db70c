/** What the workers of a proxy tell each other. The first one has the sources of everything; the others follow it. */

import type { LoadPolicy } from '../cluster/endpoints.ts';
import type { HostOptions } from '../cluster/host.ts';
import type { JsonObject } from '../configuration/json.ts';
import type { Explanation } from '../explain/decision.ts';
import type { LoggerName, LogLevel } from '../log.ts';
import type { ConsecutiveKind } from '../outlier-detection/host-monitor.ts';
import type { StatChanges } from '../stats/changes.ts';
import type { Update } from '../xds/subscription.ts';

/** A host as the first worker has it. */
export interface ToldHost {
  id: number;
  options: HostOptions;
  /** All of its metadata, by namespace. */
  told: readonly (readonly [namespace: string, fields: JsonObject])[] | undefined;
  /** What speaks against using it. */
  flags: number;
  /** Undefined where nobody has noticed yet: threads have no clock in common. */
  healthyForMs: number | undefined;
  /** Where its failures are counted; undefined where nobody looks for outliers. */
  tally: SharedArrayBuffer | undefined;
  /** Where requests under way are counted; undefined where nobody asks. */
  load: SharedArrayBuffer | undefined;
  /** Whether its health is looked at. */
  checked: boolean;
}

export interface ToldHosts {
  hosts: readonly ToldHost[];
  policy: LoadPolicy | undefined;
}

/** From the first worker to the others. `packed`: as v8 serializes it. */
export type News =
  | { kind: 'memory'; name: string; buffer: SharedArrayBuffer | undefined }
  | { kind: 'start'; packed: Uint8Array }
  /** Undefined: the cluster is there no more. */
  | { kind: 'hosts'; cluster: string; told: ToldHosts | undefined }
  | { kind: 'cluster'; key: string; packed: Uint8Array }
  | { kind: 'cluster-removed'; name: string }
  | { kind: 'listener'; key: string; places: readonly number[]; packed: Uint8Array }
  | { kind: 'listener-removed'; name: string }
  | { kind: 'resources'; subscription: string; packed: Uint8Array }
  | { kind: 'resources-ended'; subscription: string }
  /** Where the bootstrap's listeners listen: ports, and descriptors of pipes. */
  | { kind: 'open'; places: readonly number[] }
  | { kind: 'runtime'; changes: readonly (readonly [string, string])[] }
  | { kind: 'runtime-layer'; name: string; values: JsonObject }
  | { kind: 'healthcheck'; failed: boolean }
  | { kind: 'drain-listeners'; graceful: boolean }
  | { kind: 'log-levels'; levels: ReadonlyMap<LoggerName, LogLevel> }
  | { kind: 'reopen-log' }
  | { kind: 'collect' }
  | { kind: 'stop'; drainMs: number };

/** What a subscription brought; undefined: its first answer was none, or none that can be used. */
export type ToldUpdate = Update | undefined;

export interface HostCounts {
  counters: Record<string, number>;
  gauges: Record<string, number>;
}

/** From another worker to the first. */
export type Report =
  | { kind: 'opened' }
  | {
      kind: 'collected';
      stats: StatChanges;
      hosts: readonly (HostCounts & { cluster: string; host: number })[];
      /** Those that were explained since the last time. */
      explained: readonly Explanation[];
      memory: { heapUsed: number; heapTotal: number; external: number };
    }
  | { kind: 'access-log'; path: string; text: string; lines: number }
  | { kind: 'ejectable'; cluster: string; host: number; failures: ConsecutiveKind }
  | { kind: 'failed-at-once'; cluster: string; host: number }
  /** Asks for one more resource of a subscription. */
  | { kind: 'demand'; subscription: string; name: string }
  | { kind: 'stopped' };
