/** What looks at a connection before a filter chain is chosen for it. */
import type { Socket } from 'node:net';
import type { ClientHello } from './client-hello.ts';

/** What was found so far. */
export interface Findings {
  /** Undefined where it is no TLS, or nobody looked. */
  hello?: ClientHello;
  /** Of a connection that is not encrypted. */
  applicationProtocols?: readonly string[];
  /** `ip:port` of both ends as a proxy before this one tells them. */
  remoteAddress?: string;
  localAddress?: string;
}

/** `closed`: the client has gone; `refused`: the connection is not served. */
export type Verdict = 'go-on' | 'timed-out' | 'closed' | 'refused';

export interface ListenerFilter {
  /**
   * Looks, adds to the findings and says what is to happen.
   * @param timeoutMs 0: for ever
   */
  inspect(socket: Socket, findings: Findings, timeoutMs: number, tell: (verdict: Verdict) => void): void;
}
