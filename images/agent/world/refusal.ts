import { Failure } from '../failure.ts';

/** A server took the connection, and ended it instead of answering. */
export class Refusal extends Failure {
  constructor(message: string) {
    super('refused', message);
  }
}

/** What node and OpenSSL tell of a connection that failed. */
type Told = Error & { code?: string; rawPacket?: Buffer };

const ended = new Set(['ECONNRESET', 'EPIPE']);
/** The first byte of an alert of TLS. */
const alertByte = 0x15;

/** Why no answer came, in words: a refusal is told from a server that speaks something else. */
export function unanswered(url: string, error: Told): Failure {
  const alert = alertIn(error);
  if (alert) return new Refusal(`the connection was refused: ${alert}`);
  if (ended.has(error.code ?? '')) return new Refusal('the connection was ended without an answer');
  if (error.rawPacket?.[0] === alertByte) return new Refusal('the connection was refused: TLS is spoken there');
  if (error.code?.startsWith('ERR_SSL_') || error.code === 'EPROTO')
    return new Failure('refused', `${url}: what listens there does not speak TLS`);
  return new Failure('refused', `${url}: ${error.message}`);
}

/** What the server said when it refused, as OpenSSL tells it: `…:ssl/tls alert handshake failure:FILE:LINE:SSL alert number 40`. */
function alertIn({ message }: Told): string | undefined {
  return /:[a-z0-9/]+ (?:alert )?([a-z ]+):[^:]*:\d+:SSL alert number/.exec(message)?.[1];
}
