/** What holds of HPACK whatever is written and read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { HpackError } from './hpack-error.ts';
import { decodeHuffman, encodeHuffman, huffmanLength } from './huffman.ts';
import { staticNames } from './static-table.ts';

const ample = { maximumBytes: 1 << 24, maximumHeaders: 100_000 };
const narrow = { maximumBytes: 500, maximumHeaders: 10 };

const byte = fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code));
const text = fc.oneof(
  fc.string({ unit: byte, maxLength: 40 }),
  fc.string({ unit: byte, minLength: 100, maxLength: 5000 }),
);
/** Names and values of a few, so that they come again. */
const name = fc.oneof(
  fc.constantFrom(...staticNames),
  fc.constantFrom('a', 'b', 'x-request-id', 'proxy-authorization', ''),
  text,
);
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'GET', '/', '200', 'v', 'w'.repeat(700)) },
  { arbitrary: text, weight: 1 },
);
const field = fc.tuple(name, value);
const fields = fc.array(field, { maxLength: 12 }).map(list => list.flat());

function write(encoder: HpackEncoder, list: readonly string[]): Buffer {
  encoder.begin();
  for (let i = 0; i < list.length; i += 2) encoder.field(list[i]!, list[i + 1]!);
  return Buffer.from(encoder.finish(), 'latin1');
}

const read = (decoder: HpackDecoder, block: Buffer, limits = ample) => decoder.decode(block, 0, block.length, limits);

/** One block, or a size of the table that the peer tells the encoder. */
const step = fc.oneof({ weight: 4, arbitrary: fields }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 6000 }) });

test('what is written is read, over all changes of the table', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), steps => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder();
      for (const one of steps) {
        if (typeof one === 'number') encoder.setMaxTableSize(one);
        else assert.deepEqual(read(decoder, write(encoder, one)), one);
      }
    }),
    { numRuns: 300 },
  );
});

test('where a block holds more than it may, its list is the beginning of it, and the tables stay in step', () => {
  fc.assert(
    fc.property(fc.array(fields, { minLength: 1, maxLength: 10 }), blocks => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder();
      for (const list of blocks) {
        const block = write(encoder, list);
        const got = read(decoder, block, narrow);
        const bytes = list.join('').length;
        assert.equal(decoder.overLimit, bytes > narrow.maximumBytes || list.length > 2 * narrow.maximumHeaders);
        if (!decoder.overLimit) assert.deepEqual(got, list);
        else assert.deepEqual(got, list.slice(0, got.length));
        assert.ok(got.length <= 2 * narrow.maximumHeaders && got.join('').length <= narrow.maximumBytes);
      }
      const probe = ['a', 'in step'];
      assert.deepEqual(read(decoder, write(encoder, probe)), probe);
    }),
    { numRuns: 300 },
  );
});

/** Reads what may be nothing at all. */
function readAnything(decoder: HpackDecoder, block: Buffer): void {
  try {
    const got = read(decoder, block, narrow);
    assert.ok(got.length <= 2 * narrow.maximumHeaders && got.join('').length <= narrow.maximumBytes);
  } catch (error) {
    assert.ok(error instanceof HpackError, String(error));
  }
}

test('any bytes are read, within the limits, or refused', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), blocks => {
      const decoder = new HpackDecoder();
      for (const block of blocks) readAnything(decoder, Buffer.from(block));
    }),
    { numRuns: 3000 },
  );
});

test('so are blocks that were spoiled or cut', () => {
  const harm = fc.record({ at: fc.nat(), xor: fc.integer({ min: 0, max: 255 }), cut: fc.nat() });
  fc.assert(
    fc.property(fields, fields, harm, (first, second, { at, xor, cut }) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder();
      read(decoder, write(encoder, first));
      const block = write(encoder, second);
      if (block.length > 0) block[at % block.length]! ^= xor;
      readAnything(decoder, block.subarray(0, block.length - (cut % (block.length + 1))));
    }),
    { numRuns: 1500 },
  );
});

test('a text has one Huffman code, and each code one text', () => {
  fc.assert(
    fc.property(text, clear => {
      const code = Buffer.from(encodeHuffman(clear), 'latin1');
      assert.equal(code.length, huffmanLength(clear));
      assert.equal(decodeHuffman(code, 0, code.length), clear);
    }),
  );
  // Few texts, seen from the other side: codes of random bytes are refused, or are what their text is written as.
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), bytes => {
      const code = Buffer.from(bytes);
      let clear: string;
      try {
        clear = decodeHuffman(code, 0, code.length);
      } catch (error) {
        assert.ok(error instanceof HpackError);
        return;
      }
      assert.equal(encodeHuffman(clear), code.toString('latin1'));
    }),
    { numRuns: 5000 },
  );
});
