/** Writes blocks of fields, as text with a character for each byte. @see https://www.rfc-editor.org/rfc/rfc7541 */
import { encodeHuffman, huffmanLength } from './huffman.ts';
import { defaultTableSize, entryOverhead, staticCount, staticEntries } from './static-table.ts';

/** Fields whose values hardly ever come again: they would only push others out of the table. */
const neverTheSame = new Set([
  ':path',
  'age',
  'content-length',
  'etag',
  'if-modified-since',
  'if-none-match',
  'location',
  'set-cookie',
  'traceparent',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-b3-parentspanid',
  'x-request-id',
]);
/** Cookies that are shorter may be guessed by their compression. */
const shortCookie = 20;
/** Strings that are kept as they were encoded: of at most so many characters, and at most so many. */
const longestKept = 64;
const mostKept = 512;

const kept = new Map<string, string>();

/** A string with its length. What is said again and again is encoded once. */
function encodeString(text: string): string {
  if (text.length > longestKept) return makeString(text);
  let encoded = kept.get(text);
  if (encoded !== undefined) return encoded;
  encoded = makeString(text);
  if (kept.size >= mostKept) kept.clear();
  kept.set(text, encoded);
  return encoded;
}

function makeString(text: string): string {
  const length = huffmanLength(text);
  if (length >= text.length) return integer(0, 7, text.length) + text;
  return integer(0x80, 7, length) + encodeHuffman(text);
}

function integer(pattern: number, prefixBits: number, value: number): string {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) return String.fromCharCode(pattern | value);
  let text = String.fromCharCode(pattern | mask);
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) text += String.fromCharCode((rest & 127) | 128);
  return text + String.fromCharCode(rest);
}

/** What nobody on the way may put into a table, where it could be guessed. */
function isSecret(name: string, value: string): boolean {
  return (
    name === 'authorization' || name === 'proxy-authorization' || (name === 'cookie' && value.length < shortCookie)
  );
}

interface Entry {
  name: string;
  value: string;
}

/** A name's fields in the table, by value: the number of their coming. */
type Known = Map<string, number>;

export class HpackEncoder {
  #maxSize = defaultTableSize;
  /** The smallest size that the table had since the last block; undefined: it was not changed. */
  #smallest: number | undefined;
  #size = 0;
  /** Oldest first; the first has the number `#evicted`. */
  readonly #entries: Entry[] = [];
  #evicted = 0;
  readonly #known = new Map<string, Known>();
  #text = '';
  /** Of the block's names and values as they are. */
  plainBytes = 0;

  /** @param size bytes of table that the peer keeps for us (SETTINGS_HEADER_TABLE_SIZE) */
  setMaxTableSize(size: number): void {
    const wanted = Math.min(size, defaultTableSize);
    if (wanted === this.#maxSize) return;
    this.#smallest = Math.min(this.#smallest ?? wanted, wanted);
    this.#maxSize = wanted;
    this.#makeRoom(0);
  }

  /** Begins a block. */
  begin(): void {
    this.#text = '';
    this.plainBytes = 0;
    if (this.#smallest === undefined) return;
    if (this.#smallest < this.#maxSize) this.#text += integer(0x20, 5, this.#smallest);
    this.#text += integer(0x20, 5, this.#maxSize);
    this.#smallest = undefined;
  }

  /** Adds a field; the name in lower case, each character of both a byte. */
  field(name: string, value: string): void {
    this.plainBytes += name.length + value.length;
    const fixed = staticEntries.get(name);
    const index = fixed?.byValue.get(value);
    if (index !== undefined) {
      this.#text += integer(0x80, 7, index);
      return;
    }
    const known = this.#known.get(name);
    const number = known?.get(value);
    if (number !== undefined) {
      this.#text += integer(0x80, 7, this.#indexOf(number));
      return;
    }
    const secret = isSecret(name, value);
    const insert =
      !secret && !neverTheSame.has(name) && name.length + value.length + entryOverhead <= this.#maxSize / 2;
    const pattern = insert ? 0x40 : secret ? 0x10 : 0;
    const bits = insert ? 6 : 4;
    const nameIndex = fixed?.index ?? this.#nameIndex(known);
    // To code what is never said again costs more than the bytes that it spares.
    const written = insert ? encodeString(value) : integer(0, 7, value.length) + value;
    this.#text += integer(pattern, bits, nameIndex) + (nameIndex === 0 ? encodeString(name) : '') + written;
    if (insert) this.#insert(name, value);
  }

  /** The block that was begun. */
  finish(): string {
    return this.#text;
  }

  #indexOf(number: number): number {
    return staticCount + this.#evicted + this.#entries.length - number;
  }

  #nameIndex(known: Known | undefined): number {
    if (known === undefined) return 0;
    return this.#indexOf(known.values().next().value!);
  }

  #insert(name: string, value: string): void {
    const size = name.length + value.length + entryOverhead;
    this.#makeRoom(size);
    const number = this.#evicted + this.#entries.length;
    this.#entries.push({ name, value });
    this.#size += size;
    const known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, new Map([[value, number]]));
    else known.set(value, number);
  }

  #makeRoom(size: number): void {
    while (this.#size + size > this.#maxSize && this.#entries.length > 0) {
      const { name, value } = this.#entries.shift()!;
      this.#evicted++;
      this.#size -= name.length + value.length + entryOverhead;
      const known = this.#known.get(name)!;
      known.delete(value);
      if (known.size === 0) this.#known.delete(name);
    }
  }
}
