/** What certificates hold that Node tells nothing of, read from their bytes. */
import type { X509Certificate } from 'node:crypto';
import { DerReader, fieldTag, MalformedDer, tag } from './der.ts';

const identifierTag = 0x06;
const booleanTag = 0x01;
const extensionsTag = fieldTag(3);

const subjectAltNameId = '2.5.29.17';

/** A name of a kind of its own, which an identifier says. */
export interface OtherName {
  /** `1.3.6.1.4.1.311.20.2.3` */
  readonly oid: string;
  /** In text; '' for values of a form that has none. */
  readonly value: string;
}

/** In the order of the certificate; none where it cannot be read. */
export function otherNames({ raw }: Pick<X509Certificate, 'raw'>): OtherName[] {
  return read(() => {
    const bytes = extensionOf(raw, subjectAltNameId);
    if (bytes === undefined) return [];
    const names = new DerReader(new DerReader(bytes).take(tag.sequence));
    const found: OtherName[] = [];
    while (names.left) {
      const { tag: kind, content } = names.next();
      if (kind === fieldTag(0)) found.push(otherName(new DerReader(content)));
    }
    return found;
  }, []);
}

function otherName(fields: DerReader): OtherName {
  const oid = identifier(fields.take(identifierTag));
  const { tag: kind, content } = new DerReader(fields.take(fieldTag(0))).next();
  return { oid, value: (texts.get(kind) ?? noText)(content) };
}

const noText = (): string => '';
const latin1 = (content: Buffer): string => content.toString('latin1');
const whole = (content: Buffer): string =>
  content.length === 0 ? '0' : String(BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`)));

/** By their tags: numbers, texts of one byte a character, and UTF-8. */
const texts = new Map<number, (content: Buffer) => string>([
  [booleanTag, content => (content[0] === 0 ? 'false' : 'true')],
  [tag.integer, whole],
  [tag.enumerated, whole],
  [identifierTag, identifier],
  [0x0c, latin1],
  ...[0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1b].map(kind => [kind, latin1] as const),
]);

/** What an extension holds. @throws MalformedDer */
function extensionOf(certificate: Buffer, id: string): Buffer | undefined {
  const fields = new DerReader(new DerReader(new DerReader(certificate).take(tag.sequence)).take(tag.sequence));
  while (fields.left) {
    const { tag: kind, content } = fields.next();
    if (kind === extensionsTag) return findExtension(new DerReader(new DerReader(content).take(tag.sequence)), id);
  }
  return undefined;
}

function findExtension(extensions: DerReader, id: string): Buffer | undefined {
  while (extensions.left) {
    const fields = new DerReader(extensions.take(tag.sequence));
    const found = identifier(fields.take(identifierTag));
    // Whether who does not know it must refuse the certificate.
    fields.takeIf(booleanTag);
    if (found === id) return fields.take(tag.octets);
  }
  return undefined;
}

/** `2.5.29.17` */
function identifier(bytes: Buffer): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [first = 0, ...rest] = numbers;
  const arc = Math.min(2, Math.floor(first / 40));
  return [arc, first - arc * 40, ...rest].join('.');
}

function read<T>(attempt: () => T, otherwise: T): T {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof MalformedDer) return otherwise;
    throw error;
  }
}
