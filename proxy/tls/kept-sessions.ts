/** Sessions of hosts that were verified, to go on with when the next connection is made. */
import type { Certificate } from './certificate.ts';
import type { TlsContext } from './tls-context.ts';

export interface KeptSession<Name> {
  /** For whom it was. */
  readonly name: Name;
  /** In which the host was verified. */
  readonly context: TlsContext;
  readonly ticket: Buffer;
  readonly peer: Certificate | undefined;
}

/** One for each name that hosts are called: a newer one takes the place of the one before. */
export class KeptSessions<Name> {
  readonly #most: number;
  /** The newest first. */
  #sessions: KeptSession<Name>[] = [];

  /** @param most how many are kept; 0: none */
  constructor(most: number) {
    this.#most = most;
  }

  add(session: KeptSession<Name>): void {
    // In another context they are of no use any more.
    const others = this.#sessions.filter(({ context, name }) => context === session.context && name !== session.name);
    this.#sessions = [session, ...others].slice(0, this.#most);
  }

  /** What a connection may go on with; undefined where there is nothing. It stays: hosts that take it up need not give another. */
  find(context: TlsContext, name: Name): KeptSession<Name> | undefined {
    return this.#sessions.find(session => session.context === context && session.name === name);
  }
}
