import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serialize } from 'node:v8';
import { deserializeDetached, KeptDocument } from './kept.ts';

test('what was serialized is the same, and holds nothing of what it was read from', () => {
  const value = { empty: new Uint8Array(), bytes: Buffer.from('abc'), many: 'x'.repeat(10_000), big: 1n };
  const read = deserializeDetached(serialize(value)) as typeof value;
  assert.deepEqual(read, value);
  assert.deepEqual([read.empty.buffer.byteLength, read.bytes.buffer.byteLength], [0, 3]);
});

test('a document is kept by its text', () => {
  const kept = new KeptDocument({ a: [1, { b: 'c' }] });
  assert.equal(kept.text, '{"a":[1,{"b":"c"}]}');
  assert.deepEqual(kept.document, { a: [1, { b: 'c' }] });
});
