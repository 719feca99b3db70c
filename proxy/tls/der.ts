/** Reads DER, the encoding of ASN.1 that certificates and what belongs to them have. */

/** One element: what it is, and what it holds. */
export interface Element {
  /** Its first byte, class and form included: 0x30 is a sequence. */
  readonly tag: number;
  readonly content: Buffer;
}

export const tag = { integer: 0x02, octets: 0x04, enumerated: 0x0a, time: 0x18, sequence: 0x30 } as const;

/** A tag of its own that one message gives a field: `[0]`, with elements in it. */
export const fieldTag = (number: number): number => 0xa0 | number;

/** What is no DER. */
export class MalformedDer extends Error {
  readonly code = 'MALFORMED_DER';
}

/** Takes the elements one after the other. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** @throws MalformedDer where there is none, or not all of it */
  next(): Element {
    const [kind, first] = [this.#byte(), this.#byte()];
    let length = first;
    if (first >= 0x80) {
      const size = first & 0x7f;
      if (size === 0 || size > 4) throw new MalformedDer('an element of no length, or of one beyond all bounds');
      length = 0;
      for (let read = 0; read < size; read++) length = length * 256 + this.#byte();
    }
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    if (content.length < length) throw new MalformedDer('an element that ends too early');
    this.#at += length;
    return { tag: kind, content };
  }

  /** The next element, which has to be of this kind. @throws MalformedDer */
  take(wanted: number): Buffer {
    const element = this.next();
    if (element.tag !== wanted) throw new MalformedDer(`an element 0x${element.tag.toString(16)} out of place`);
    return element.content;
  }

  /** The next element if it is of this kind; undefined, and nothing taken, where it is another. @throws MalformedDer */
  takeIf(wanted: number): Buffer | undefined {
    return this.#bytes[this.#at] === wanted ? this.next().content : undefined;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new MalformedDer('an element that ends too early');
    return byte;
  }
}
