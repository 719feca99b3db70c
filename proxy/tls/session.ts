/** What OpenSSL notes of a session, which Node hands out as DER: here is found what it has no other way to tell. */
import type { TLSSocket } from 'node:tls';
import { DerReader, fieldTag, tag } from './der.ts';

export interface SessionNotes {
  /** Of TLS, 0x0304 is 1.3; 0 where it is not known. */
  readonly version: number;
  /** In hexadecimal; '' where it has none. */
  readonly id: string;
  /** What the keys were agreed on by, `X25519`; '' where that is not known. */
  readonly group: string;
}

/** The field of OpenSSL's session that holds the group. */
const groupField = fieldTag(19);

/** By their numbers, in BoringSSL's words. @see https://www.iana.org/assignments/tls-parameters/tls-parameters.xhtml#tls-parameters-8 */
const groups = new Map([
  [23, 'P-256'],
  [24, 'P-384'],
  [25, 'P-521'],
  [29, 'X25519'],
  [0x11ec, 'X25519MLKEM768'],
]);

const nothing: SessionNotes = { version: 0, id: '', group: '' };

/** Of a socket whose handshake is over. */
export function sessionNotes(socket: TLSSocket): SessionNotes {
  const session = socket.getSession();
  return session === undefined ? nothing : parseSession(session);
}

/** @param bytes as `getSession` gives them: nothing is told where they are in a form that is not known */
export function parseSession(bytes: Buffer): SessionNotes {
  try {
    const fields = new DerReader(new DerReader(withoutEnvelope(bytes)).take(tag.sequence));
    // Version of the form.
    fields.take(tag.integer);
    const version = fields.take(tag.integer).readUInt16BE();
    // Suite.
    fields.take(tag.octets);
    const id = fields.take(tag.octets).toString('hex');
    while (fields.left) {
      const { tag: kind, content } = fields.next();
      if (kind === groupField) return { version, id, group: groups.get(numberOf(content)) ?? '' };
    }
    return { version, id, group: '' };
  } catch {
    return nothing;
  }
}

const envelope = Buffer.from('\0nodejs:tls:session:1\0', 'latin1');

/** What a client gets names the host first, for which it is. */
function withoutEnvelope(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, envelope.length).equals(envelope)) return bytes;
  return bytes.subarray(envelope.length + 2 + bytes.readUInt16BE(envelope.length));
}

function numberOf(field: Buffer): number {
  const bytes = new DerReader(field).take(tag.integer);
  return bytes.readUIntBE(0, Math.min(bytes.length, 4));
}
