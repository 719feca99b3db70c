/** The last filter of a chain, which takes the connection: every listener hands its connections to one of these. */

import type { Transport } from '../net/transport.ts';
import type { CameRoutes } from '../routing/route-source.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';

/** What was learnt of a connection before its filters saw it. */
export interface ConnectionFacts {
  /** The name that the client asked for by SNI, in lower case; '' where it named none, or nobody looked. */
  readonly serverName: string;
  /** Of the client's hello, where they are asked for; '' else. */
  readonly ja3: string;
  readonly ja4: string;
  /** Undefined where it is not encrypted. */
  readonly tls: TlsFacts | undefined;
  /** `ip:port` of both ends as a proxy before this one tells them; undefined: those of the connection. */
  readonly remoteAddress: string | undefined;
  readonly localAddress: string | undefined;
  /** What logs will tell of the connection as a whole: filters add to it. Undefined: there are none before this one, and nobody logs it. */
  readonly connection?: StreamInfo | undefined;
}

/** A connection that its last filter never got: its handshake failed, or a filter stopped it. */
export interface FailedConnection {
  /** In Envoy's words; '' where the client just left, or a filter stopped it. */
  readonly reason: string;
  readonly by: 'handshake' | 'filter';
  readonly serverName: string;
  /** Undefined where it is not encrypted, or the handshake failed. */
  readonly tls: TlsFacts | undefined;
  /** Response flags. */
  readonly flags: number;
  /** `ip:port`. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly durationMs: number;
  /** As in `ConnectionFacts`. */
  readonly connection?: StreamInfo | undefined;
}

/** A connection that nobody looked into. */
export const noFacts: ConnectionFacts = {
  serverName: '',
  ja3: '',
  ja4: '',
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
  readonly cameRoutes: CameRoutes | undefined;
  /** Ends its connections as soon as that harms nobody. */
  drain(): void;
  /** Resolves when there is no connection. */
  empty(): Promise<void>;
  destroy(): void;
}
