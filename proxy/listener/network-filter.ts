/** The last filter of a chain, which takes the connection: every listener hands its connections to one of these. */
import type { DynamicResource } from '../admin-source.ts';
import type { Transport } from '../net/transport.ts';

/** What was learnt of a connection before its filters saw it. */
export interface ConnectionFacts {
  /** The name that the client asked for by SNI, in lower case; '' where it named none. */
  readonly serverName: string;
}

/** A connection that nobody looked into. */
export const noFacts: ConnectionFacts = { serverName: '' };

export interface TerminalFilter {
  /** Takes a connection; the filter tells the listener when it is over. */
  accept(transport: Transport, facts: ConnectionFacts): void;
  /** Ends when connections may come. */
  prepare(): Promise<void>;
  /** Its part of the configuration that came while the proxy runs, if there is any. */
  readonly dynamicRoutes: DynamicResource | undefined;
  /** Ends its connections as soon as that harms nobody. */
  drain(): void;
  /** Resolves when there is no connection. */
  empty(): Promise<void>;
  destroy(): void;
}
