import type { SourceAddress } from '../cluster/source-address.ts';

/** What a look at a host told. */
export type Finding =
  | 'healthy'
  | 'degraded'
  /** It says itself that it is not well. */
  | 'unhealthy'
  /** The same, but it takes several in a row to count. */
  | 'retriable'
  /** It could not be asked. */
  | 'unreachable';

/** Where a host is looked at. */
export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  /** Undefined: the system chooses. */
  readonly source: SourceAddress | undefined;
  /** What a request to it is addressed to. */
  readonly authority: string;
}

/** Looks at one host, again and again. One look at a time. */
export interface Probe {
  /** The callback is called once, unless `abort` comes first. */
  look(found: (finding: Finding) => void): void;
  /** Gives the look up, and the connection that it used. */
  abort(): void;
}
