/** When connections came to be what they are, by the clock of `performance.now`: logs tell the time between two such moments. */
export interface ConnectionTimes {
  /** It came, or began to be made. */
  readonly begunMs: number;
  /** A host took it; undefined: not yet, or it is a client's. */
  connectedMs?: number | undefined;
  /** Its handshake was over; undefined: not yet, or it is not encrypted. */
  securedMs?: number | undefined;
  /** Undefined while it is there. */
  endedMs?: number | undefined;
}

/** Of a client's connection that begins to be used now. */
export const timesOf = (tls: Pick<ConnectionTimes, 'begunMs' | 'securedMs'> | undefined): ConnectionTimes =>
  tls === undefined ? { begunMs: performance.now() } : { begunMs: tls.begunMs, securedMs: tls.securedMs };
