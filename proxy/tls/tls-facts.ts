/** What a handshake told. */
import type { TLSSocket } from 'node:tls';
import type { Certificate } from './certificate.ts';
import { sessionNotes } from './session.ts';

export interface TlsFacts {
  /** `TLSv1.3` */
  readonly version: string;
  readonly cipher: string;
  /** What the keys were agreed on by, `X25519`; '' where that is not known. */
  readonly group: string;
  /** In hexadecimal; '' where the session has none, as with tickets. */
  readonly sessionId: string;
  /** What a host was told by SNI; '' where nothing was, and of clients. */
  readonly serverName: string;
  /** What was agreed on by ALPN; '' where nothing was. */
  readonly applicationProtocol: string;
  /** When the handshake began and ended, by the clock of `performance.now`. */
  readonly begunMs: number;
  readonly securedMs: number;
  /** What the peer showed. */
  readonly peer: Certificate | undefined;
  /** Who signed that, where a client was verified. */
  readonly issuer?: (() => Certificate | undefined) | undefined;
  /** What was shown to the peer. */
  readonly local: Certificate | undefined;
}

/** Of a handshake that is over. */
export function factsOf(
  socket: TLSSocket,
  peer: Certificate | undefined,
  local: Certificate | undefined,
  begunMs: number,
  serverName = '',
): TlsFacts {
  const { id, group } = sessionNotes(socket);
  const version = socket.getProtocol() ?? '';
  return {
    version,
    cipher: socket.getCipher().name,
    group,
    // In 1.3 it is no more than a number of OpenSSL's own.
    sessionId: version === 'TLSv1.3' ? '' : id,
    serverName,
    applicationProtocol: socket.alpnProtocol || '',
    begunMs,
    securedMs: performance.now(),
    peer,
    local,
  };
}
