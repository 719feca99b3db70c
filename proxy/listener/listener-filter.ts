/** What looks at a connection before a filter chain is chosen for it. */
import type { Socket } from 'node:net';
import type { StreamInfo } from '../stream-info.ts';
import type { ClientHello } from './client-hello.ts';

/** What was found so far. */
export interface Findings {
  /** Undefined where it is no TLS, or nobody looked. */
  hello?: ClientHello;
  /** Of the hello. */
  ja3?: string;
  ja4?: string;
  /** Of a connection that is not encrypted. */
  applicationProtocols?: readonly string[];
  /** `ip:port` of both ends as a proxy before this one tells them, or where the connection was meant to go. */
  remoteAddress?: string;
  localAddress?: string;
  /** What is logged of the connection; undefined: nothing is. */
  told?: StreamInfo | undefined;
  /** Somebody looked at its bytes. */
  read?: boolean;
}

/** `closed`: the client has gone; `refused`: the connection is not served. */
export type Verdict = 'go-on' | 'timed-out' | 'closed' | 'refused';

export interface ListenerFilter {
  /** Whether it looks at bytes. */
  readonly reads: boolean;
  /**
   * Looks, adds to the findings and says what is to happen.
   * @param timeoutMs 0: for ever
   */
  inspect(socket: Socket, findings: Findings, timeoutMs: number, tell: (verdict: Verdict) => void): void;
}
