/** What servers seal the sessions by that clients keep for them. */
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import type { TlsSessionTicketKeys } from '../api/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { readDataSource } from '../data-source.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';

/** A name, a key to sign by and a key to seal by. */
const partSize = 16;
const keysSize = 3 * partSize;

/** As Envoy wants them: it has longer ones. */
const statedSize = 80;

/** @throws TlsConfigurationError, UnreadableSource */
export function statedTicketKeys({ keys }: TlsSessionTicketKeys): Buffer[] {
  return keys.map(source => {
    const key = readDataSource(source) ?? Buffer.alloc(0);
    if (key.length === statedSize) return key;
    const found = `Length ${key.length}, expected length ${statedSize}.`;
    throw new TlsConfigurationError(`Incorrect TLS session ticket key length. ${found}`);
  });
}

/**
 * What all who know a secret keep sessions by, so that each takes up those of the others. It is the same only where all that a context is made of is: a
 * session is not taken up by one that would trust others.
 */
export function ticketKeysFor(secret: Uint8Array, options: SecureContextOptions): Buffer {
  const text = JSON.stringify(options, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  );
  const digest = createHash('sha256').update(text).digest();
  return Buffer.from(hkdfSync('sha256', Buffer.from(secret), '', digest, keysSize));
}

type Answer = readonly [status: number, sign?: Buffer, seal?: Buffer, name?: Buffer, vector?: Buffer];

/** Node asks this of a context where it is told to; it is no part of what it documents. */
interface AskedContext {
  enableTicketKeyCallback(): void;
  onticketkeycallback: (name: Buffer, vector: Buffer, seals: boolean) => Answer;
}

const unknown: Answer = [0];
const taken = 1;
/** The client is given another one. */
const renewed = 2;

/** Has a context take up sessions that others of the keys sealed. @param keys the one that it seals by first */
export function takeOlderTickets(context: SecureContext, keys: readonly Buffer[]): void {
  const asked = context.context as AskedContext;
  if (typeof asked.enableTicketKeyCallback !== 'function') return;
  const parts = keys.map(key => {
    const part = (at: number): Buffer => key.subarray(at * partSize, (at + 1) * partSize);
    return { own: part(0), sign: part(1), seal: part(2) };
  });
  asked.onticketkeycallback = (name, _vector, seals) => {
    const index = seals ? 0 : parts.findIndex(({ own }) => own.equals(name));
    const found = parts[index];
    if (found === undefined) return unknown;
    const { own, sign, seal } = found;
    if (seals) return [taken, sign, seal, own, randomBytes(partSize)];
    return [index === 0 ? taken : renewed, sign, seal];
  };
  asked.enableTicketKeyCallback();
}
