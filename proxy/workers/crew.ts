/** One of the workers that serve the proxy's connections together. */
import type { Mailbox } from './mailbox.ts';
import type { News, Report, ToldHosts, ToldUpdate } from './news.ts';
import type { SharedMemory } from './shared-memory.ts';

export interface Crew {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  readonly memory: SharedMemory;
  /** The first one tells the others; undefined for these. */
  readonly tell: ((news: News) => void) | undefined;
  /** Of the first one: ends when the others serve, after they were told to. */
  readonly othersServe: (() => Promise<void>) | undefined;
  /** What the others are told; undefined for the first one. */
  readonly told: Told | undefined;
}

export interface Told {
  /** By the key of their cluster. */
  readonly hosts: Mailbox<ToldHosts>;
  /** By the name of their subscription. */
  readonly resources: Mailbox<ToldUpdate>;
  report(report: Report): void;
}
