/** Opens connections of HTTP/2. */
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2';
import type { Options } from './flags.ts';

/** No connection came about; the message is for the person at the terminal. */
export class DialError extends Error {
  readonly code = 'dial';
}

/** In Go's words. */
const reasons: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host',
};

/**
 * A connection on which the server has answered in HTTP/2.
 * @throws DialError
 */
export async function dial(options: Options): Promise<ClientHttp2Session> {
  const { plaintext, address, connectTimeoutMs } = options;
  const session = connect(`${plaintext ? 'http' : 'https'}://${address}`, plaintext ? {} : tlsOf(options));
  const timer = setTimeout(() => session.destroy(new Error('context deadline exceeded')), connectTimeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      session.once('remoteSettings', () => resolve());
      session.once('error', reject);
      session.once('close', () => reject(new Error('error reading server preface: EOF')));
    });
  } catch (error) {
    session.destroy();
    throw new DialError(`Failed to dial target host "${address}": ${reasonOf(error, address)}`);
  } finally {
    clearTimeout(timer);
  }
  // each call hears of the end of its stream
  session.on('error', () => {});
  return session;
}

function reasonOf(error: unknown, address: string): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code in reasons) return `dial tcp ${address}: ${reasons[code]}`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'tls: first record does not look like a TLS handshake';
  // What answers does not speak HTTP/2.
  if (code === 'ERR_HTTP2_ERROR') return `error reading server preface: ${message}`;
  return message;
}

function tlsOf({ insecure, cacert, cert, key, servername, authority }: Options): SecureClientSessionOptions {
  const name = servername ?? authority;
  return {
    rejectUnauthorized: !insecure,
    ...(cacert === undefined ? {} : { ca: read(cacert) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
    ...(name === undefined ? {} : { servername: name }),
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new DialError(`Failed to read ${path}: ${(error as Error).message}`);
  }
}
