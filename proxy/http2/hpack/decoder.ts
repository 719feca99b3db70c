/** Reads blocks of fields. @see https://www.rfc-editor.org/rfc/rfc7541 */
import type { HeadLimits } from '../../http/codec.ts';
import { latin1 } from '../../net/latin1.ts';
import { HpackError } from './hpack-error.ts';
import { decodeHuffman } from './huffman.ts';
import { defaultTableSize, entryOverhead, staticCount, staticNames, staticValues } from './static-table.ts';

/** Fields that there is room for at first: a table takes the room of what came, not of what may come. */
const firstSlots = 32;
/** @see https://www.rfc-editor.org/rfc/rfc7541#section-4.2 */
const mostChanges = 2;

export class HpackDecoder {
  /** Whether the last block held more than it may: its list is cut short then, the tables are in step all the same. */
  overLimit = false;
  readonly #limit: number;
  /** Where we told of a smaller one, the peer may not have heard of it yet. */
  #maxSize = defaultTableSize;
  #size = 0;
  /** Fields by the number of their coming, modulo the length of these lists. */
  #names = new Array<string>(firstSlots).fill('');
  #values = new Array<string>(firstSlots).fill('');
  #inserted = 0;
  #count = 0;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** @param limit bytes of the table that the peer was told it may use (SETTINGS_HEADER_TABLE_SIZE) */
  constructor(limit = defaultTableSize) {
    this.#limit = limit;
  }

  /**
   * Reads one block.
   * @returns name, value, name, value …; each character is a byte
   * @throws HpackError
   */
  decode(block: Buffer, start: number, end: number, limits: HeadLimits): string[] {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    this.overLimit = false;
    const fields: string[] = [];
    let bytes = 0;
    let changes = 0;
    while (this.#at < end) {
      const first = block[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        if (changes++ === mostChanges) throw new HpackError('a change of the table after a field, or too many of them');
        this.#resize(this.#integer(5));
        continue;
      }
      changes = mostChanges;
      let name: string;
      let value: string;
      if ((first & 0x80) !== 0) {
        const index = this.#integer(7);
        name = this.#nameAt(index);
        value = index <= staticCount ? staticValues[index - 1]! : this.#values[this.#slot(index)]!;
      } else {
        const indexed = (first & 0x40) !== 0;
        const index = this.#integer(indexed ? 6 : 4);
        name = index === 0 ? this.#string() : this.#nameAt(index);
        value = this.#string();
        if (indexed) this.#insert(name, value);
      }
      bytes += name.length + value.length;
      if (bytes > limits.maximumBytes || fields.length >= limits.maximumHeaders * 2) this.overLimit = true;
      else fields.push(name, value);
    }
    return fields;
  }

  #slot(index: number): number {
    const age = index - staticCount - 1;
    if (age >= this.#count) throw new HpackError('a field that is in no table');
    return (this.#inserted - 1 - age) % this.#names.length;
  }

  #nameAt(index: number): string {
    if (index === 0) throw new HpackError('a field that is in no table');
    return index <= staticCount ? staticNames[index - 1]! : this.#names[this.#slot(index)]!;
  }

  #insert(name: string, value: string): void {
    const size = name.length + value.length + entryOverhead;
    while (this.#count > 0 && this.#size + size > this.#maxSize) this.#evict();
    if (size > this.#maxSize) return;
    if (this.#count === this.#names.length) this.#grow();
    const slot = this.#inserted++ % this.#names.length;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#size += size;
    this.#count++;
  }

  #grow(): void {
    const { length } = this.#names;
    const names = new Array<string>(length * 2).fill('');
    const values = new Array<string>(length * 2).fill('');
    for (let number = this.#inserted - this.#count; number < this.#inserted; number++) {
      names[number % names.length] = this.#names[number % length]!;
      values[number % names.length] = this.#values[number % length]!;
    }
    this.#names = names;
    this.#values = values;
  }

  #evict(): void {
    const slot = (this.#inserted - this.#count) % this.#names.length;
    this.#size -= this.#names[slot]!.length + this.#values[slot]!.length + entryOverhead;
    this.#names[slot] = '';
    this.#values[slot] = '';
    this.#count--;
  }

  #resize(size: number): void {
    if (size > this.#limit) throw new HpackError('a table that is larger than agreed');
    this.#maxSize = size;
    while (this.#size > size) this.#evict();
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      // Nothing that is counted here is as large.
      if (shift > 21) throw new HpackError('a number that is too large');
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new HpackError('a block that ends too early');
    return this.#block[this.#at++]!;
  }

  #string(): string {
    const huffman = this.#at < this.#end && this.#block[this.#at]! >= 128;
    const length = this.#integer(7);
    const start = this.#at;
    if (start + length > this.#end) throw new HpackError('a block that ends too early');
    this.#at = start + length;
    return huffman ? decodeHuffman(this.#block, start, this.#at) : latin1(this.#block, start, this.#at);
  }
}
