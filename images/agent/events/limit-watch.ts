import { readFileSync } from 'node:fs';
import type { AgentEvent } from '../protocol/messages.ts';

type Resource = Extract<AgentEvent, { type: 'limit' }>['resource'];

/** Files of the world's control groups, which the keeper gives to pid 1 where there are groups: v2 and v1 name the counters alike. */
const counters: [Resource, string, RegExp][] = [
  ['memory', '/proc/1/fd/4', /^oom_kill (\d+)$/m],
  ['processes', '/proc/1/fd/5', /^max (\d+)$/m],
];
/** What goes on meeting a limit is told of once in that time. */
const apartMs = 30_000;

/** Tells which limits the world has met, by what the kernel counts. */
export class LimitWatch {
  readonly #counts = new Map<Resource, number>();
  readonly #told = new Map<Resource, number>();

  /** The limits that were met since the last call, those left out that were told of a moment ago. */
  met(now = performance.now()): Resource[] {
    return counters
      .filter(([resource, file, pattern]) => this.#rose(resource, count(file, pattern), now))
      .map(([resource]) => resource);
  }

  #rose(resource: Resource, count: number, now: number): boolean {
    const before = this.#counts.get(resource) ?? 0;
    this.#counts.set(resource, count);
    if (count <= before || now - (this.#told.get(resource) ?? -apartMs) < apartMs) return false;
    this.#told.set(resource, now);
    return true;
  }
}

/** 0 where there are no such groups. */
function count(file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(file, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
