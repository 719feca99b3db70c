/** The Huffman code of HPACK. @see https://www.rfc-editor.org/rfc/rfc7541#appendix-B */
import { latin1 } from '../../net/latin1.ts';
import { HpackError } from './hpack-error.ts';

/** Bits of the code of each byte, and of the end of a string. The codes themselves follow: shorter ones first, then in order of the bytes. */
const codeLengths = `
13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6 15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27 20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26
30`
  .trim()
  .split(/\s+/)
  .map(Number);

const endOfString = 256;

const codes = new Uint32Array(257);
{
  const order = codeLengths.map((length, byte) => ({ length, byte }));
  order.sort((a, b) => a.length - b.length || a.byte - b.byte);
  let code = 0;
  let length = 0;
  for (const next of order) {
    code = (code << (next.length - length)) >>> 0;
    length = next.length;
    codes[next.byte] = code++;
  }
}

/**
 * What four bits lead to from each inner node of the tree of codes: the next node in bits 0–7, a byte that became whole in bits 8–15,
 * and whether there is one, or no code at all.
 */
const whole = 1 << 16;
const none = 1 << 17;
const steps = new Int32Array(256 * 16);
/** 1 for the nodes where a string may end: only ones were read since the last byte, and less than eight. */
const mayEnd = new Uint8Array(256);
buildSteps();

function buildSteps(): void {
  // Children of inner nodes: another one, or a byte as its complement.
  const children: [number, number][] = [[0, 0]];
  for (let byte = 0; byte <= endOfString; byte++) {
    let node = 0;
    for (let bit = codeLengths[byte]! - 1; bit > 0; bit--) {
      const side = (codes[byte]! >>> bit) & 1;
      if (children[node]![side] === 0) {
        children[node]![side] = children.length;
        children.push([0, 0]);
      }
      node = children[node]![side]!;
    }
    children[node]![codes[byte]! & 1] = ~byte;
  }
  for (const [node] of children.entries()) {
    for (let bits = 0; bits < 16; bits++) steps[node * 16 + bits] = step(children, node, bits);
  }
  for (let node = 0, ones = 0; ones < 8; ones++) {
    mayEnd[node] = 1;
    node = children[node]![1]!;
  }
}

function step(children: readonly [number, number][], from: number, bits: number): number {
  let node = from;
  let byte = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[node]![(bits >>> bit) & 1]!;
    if (next >= 0) node = next;
    else if (~next === endOfString) return none;
    else {
      byte = whole | (~next << 8);
      node = 0;
    }
  }
  return byte | node;
}

let scratch = Buffer.alloc(4096);

function scratchOf(bytes: number): Buffer {
  if (scratch.length < bytes) scratch = Buffer.alloc(bytes * 2);
  return scratch;
}

/**
 * The text that bytes stand for, a character for each byte.
 * @throws HpackError
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string {
  // The shortest codes have five bits.
  const out = scratchOf(Math.ceil(((end - start) * 8) / 5));
  let at = 0;
  let node = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    for (let nibble = byte >>> 4, last = false; ; nibble = byte & 15, last = true) {
      const next = steps[(node << 4) | nibble]!;
      if ((next & none) !== 0) throw new HpackError('a string that holds its own end');
      if ((next & whole) !== 0) out[at++] = (next >>> 8) & 255;
      node = next & 255;
      if (last) break;
    }
  }
  if (mayEnd[node] === 0) throw new HpackError('bad padding of a string');
  return latin1(out, 0, at);
}

/** Bytes that a text takes. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeLengths[text.charCodeAt(i)]!;
  return (bits + 7) >>> 3;
}

/** A text, whose characters are bytes, as its code, a character for each byte again. */
export function encodeHuffman(text: string): string {
  const out = scratchOf(text.length * 4);
  let at = 0;
  // At most seven bits are left over: with a code of up to thirty they fit into no integer, so that those go in two parts.
  let pending = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    const length = codeLengths[byte]!;
    const code = codes[byte]!;
    if (length > 16) {
      pending = (pending << (length - 16)) | (code >>> 16);
      count += length - 16;
      for (; count >= 8; count -= 8) out[at++] = pending >>> (count - 8);
      pending = ((pending & ((1 << count) - 1)) << 16) | (code & 0xffff);
      count += 16;
    } else {
      pending = (pending << length) | code;
      count += length;
    }
    for (; count >= 8; count -= 8) out[at++] = pending >>> (count - 8);
    pending &= (1 << count) - 1;
  }
  if (count > 0) out[at++] = (pending << (8 - count)) | ((1 << (8 - count)) - 1);
  return latin1(out, 0, at);
}
