/** The last filter of a chain, which takes the connection: every listener hands its connections to one of these. */
import type { DynamicResource } from '../admin-source.ts';
import type { Transport } from '../net/transport.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';

/** What was learnt of a connection before its filters saw it. */
export interface ConnectionFacts {
  /** The name that the client asked for by SNI, in lower case; '' where it named none, or nobody looked. */
  readonly serverName: string;
  /** Undefined where it is not encrypted. */
  readonly tls: TlsFacts | undefined;
  /** `ip:port` of both ends as a proxy before this one tells them; undefined: those of the connection. */
  readonly remoteAddress: string | undefined;
  readonly localAddress: string | undefined;
}

/** A connection whose handshake failed. */
export interface FailedConnection {
  /** In Envoy's words; '' where the client just left. */
  readonly reason: string;
  readonly serverName: string;
  /** `ip:port`. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly durationMs: number;
}

/** A connection that nobody looked into. */
export const noFacts: ConnectionFacts = {
  serverName: '',
  tls: undefined,
  remoteAddress: undefined,
  localAddress: undefined,
};

export interface TerminalFilter {
  /** Takes a connection; the filter tells the listener when it is over. */
  accept(transport: Transport, facts: ConnectionFacts): void;
  /** Counts one that it would have got. The filter tells the listener that it is over. */
  refused(connection: FailedConnection): void;
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
