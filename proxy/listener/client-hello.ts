/**
 * The first message of a TLS client, read before anybody answers it: which server it asks for, and what it would speak.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2
 */
import type { Look } from './peek.ts';

export interface ClientHello {
  /** In lower case; '' where it names none. */
  serverName: string;
  applicationProtocols: readonly string[];
  /** What the message says of itself: 0x0303, also of TLS 1.3. */
  version: number;
  /** What it offers besides; empty where it does not say. */
  versions: readonly number[];
  suites: readonly number[];
  /** Their types, in their order. */
  extensions: readonly number[];
  groups: readonly number[];
  pointFormats: readonly number[];
  signatureAlgorithms: readonly number[];
  /** The client would take a stapled answer of the certificate's authority (OCSP). */
  wantsStatus: boolean;
}

/** What is known of a client whose hello nobody could read. */
export const unreadHello: ClientHello = {
  serverName: '',
  applicationProtocols: [],
  version: 0,
  versions: [],
  suites: [],
  extensions: [],
  groups: [],
  pointFormats: [],
  signatureAlgorithms: [],
  wantsStatus: false,
};

/** Where the bytes are no TLS, or are too long to be waited for. */
export type NoHello = 'not-tls' | 'too-large';

/** As Envoy: a hello that is longer is not one. */
const mostBytes = 64 * 1024;

/** Undefined where more bytes are needed to tell. */
export function parseClientHello(bytes: Buffer): ClientHello | NoHello | undefined {
  const message = handshakeBytes(bytes);
  if (message === undefined || typeof message === 'string') return message;
  if (message.length > 0 && message[0] !== 1) return 'not-tls';
  const length = message.length < 4 ? undefined : message.readUIntBE(1, 3);
  if (length !== undefined && length > mostBytes) return 'too-large';
  if (length === undefined || message.length < 4 + length) return bytes.length > mostBytes ? 'too-large' : undefined;
  return readHello(new Fields(message.subarray(4, 4 + length)));
}

/** What the records hold together: a message may be cut into several. */
function handshakeBytes(bytes: Buffer): Buffer | NoHello | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== 22 || (bytes.length > at + 1 && bytes[at + 1] !== 3)) return 'not-tls';
    if (bytes.length < at + 5) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > 16_384 + 256) return 'not-tls';
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return parts.length === 0 ? undefined : Buffer.concat(parts);
}

/** Fields of a message, each after its length. Reading beyond the end gives nothing. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): boolean {
    return this.#at < this.#bytes.length;
  }

  skip(count: number): void {
    this.#at += count;
  }

  number(size: number): number {
    const at = this.#at;
    this.#at += size;
    return this.#at > this.#bytes.length ? 0 : this.#bytes.readUIntBE(at, size);
  }

  /** @param size of the length, in bytes */
  field(size: number): Buffer {
    const length = this.number(size);
    const found = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return found;
  }
}

/** @see https://www.iana.org/assignments/tls-extensiontype-values */
const extension = {
  serverName: 0,
  statusRequest: 5,
  groups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  applicationProtocols: 16,
  versions: 43,
} as const;

function readHello(hello: Fields): ClientHello {
  const version = hello.number(2);
  // Random.
  hello.skip(32);
  hello.field(1);
  const suites = numbers(new Fields(hello.field(2)), 2);
  hello.field(1);
  const extensions = new Map<number, Buffer>();
  const fields = new Fields(hello.field(2));
  while (fields.left) extensions.set(fields.number(2), fields.field(2));
  const listOf = (type: number, size = 2) => new Fields(new Fields(extensions.get(type) ?? noBytes).field(size));
  return {
    serverName: hostName(listOf(extension.serverName)),
    applicationProtocols: protocolNames(listOf(extension.applicationProtocols)),
    version,
    versions: numbers(listOf(extension.versions, 1), 2),
    suites,
    extensions: [...extensions.keys()],
    groups: numbers(listOf(extension.groups), 2),
    pointFormats: numbers(listOf(extension.pointFormats, 1), 1),
    signatureAlgorithms: numbers(listOf(extension.signatureAlgorithms), 2),
    // 1: by OCSP, and there is nothing else.
    wantsStatus: extensions.get(extension.statusRequest)?.[0] === 1,
  };
}

const noBytes = Buffer.alloc(0);

function numbers(fields: Fields, size: number): number[] {
  const found: number[] = [];
  while (fields.left) found.push(fields.number(size));
  return found;
}

function protocolNames(fields: Fields): string[] {
  const found: string[] = [];
  while (fields.left) found.push(fields.field(1).toString('latin1'));
  return found;
}

/** The first name is that of a host, or there is none. */
function hostName(names: Fields): string {
  return names.left && names.number(1) === 0 ? names.field(2).toString('latin1').toLowerCase() : '';
}

/** Where the record ends that is not whole yet: before, nothing more can be told. */
function recordEnd(bytes: Buffer): number {
  let at = 0;
  while (bytes.length >= at + 5) at += 5 + bytes.readUInt16BE(at + 3);
  return at;
}

/** For `peek`. */
export function lookForHello(bytes: Buffer): Look<ClientHello | NoHello> {
  const found = parseClientHello(bytes);
  return found === undefined ? { needed: recordEnd(bytes) } : { found };
}
