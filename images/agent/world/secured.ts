import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Failure } from '../failure.ts';
import type { RequestTls, ShownCertificate } from '../protocol/messages.ts';

/** A connection on which TLS begins, or has begun. */
export interface Secured {
  socket: TLSSocket;
  /** What the server showed; undefined before the handshake is done. */
  certificate(): ShownCertificate | undefined;
}

/** Begins TLS on a connection to `host`. The server is not verified: what it shows is told. */
export function secured(socket: Socket, host: string, tls: RequestTls = {}): Secured {
  const { serverName = isIP(host.replace(/^\[|\]$/g, '')) ? '' : host, certificate, key } = tls;
  const secure = begin({
    ...{ socket, servername: serverName, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
    ...(certificate === undefined ? {} : { cert: certificate, key }),
  });
  let shown: ShownCertificate | undefined;
  // Read at once: it is gone with the connection.
  secure.once('secureConnect', () => {
    shown = shownBy(secure);
  });
  // A failure is the request's to tell; one that comes after its answer is nobody's.
  secure.on('error', () => {});
  return { socket: secure, certificate: () => shown };
}

function begin(options: ConnectionOptions): TLSSocket {
  try {
    return connect(options);
  } catch (error) {
    throw new Failure('invalid', `the certificate cannot be used: ${(error as Error).message}`);
  }
}

function shownBy(socket: TLSSocket): ShownCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return undefined;
  const names = certificate.subjectAltName?.split(', ') ?? [];
  return {
    subject: certificate.subject?.split('\n').join(', ') ?? '',
    subjectAltNames: names.map(name => name.replace(/^(DNS|URI|IP Address|email):/, '')),
  };
}
