import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf, giveBack, largestRead } from './write-buffers.ts';

const filled = (length: number, text: string): Buffer => Buffer.alloc(length, text);

test('copies that are in use share nothing, and hold what they were made of', () => {
  const chunks = ['a', 'b', 'c', 'd', 'e', 'f'].map((text, i) => filled(100_000 + i, text));
  const copies = chunks.map(copyOf);
  assert.equal(new Set(copies.map(({ buffer }) => buffer)).size, chunks.length);
  assert.ok(copies.every((copy, i) => copy.equals(chunks[i]!)));
  for (const copy of copies) giveBack(copy);
});

test('the memory of one that was given back is used again, at any length', () => {
  const first = copyOf(filled(largestRead, 'a'));
  giveBack(first);
  const second = copyOf(filled(20_000, 'b'));
  assert.equal(second.buffer, first.buffer);
  assert.ok(second.equals(filled(20_000, 'b')));
  giveBack(second);
  assert.equal(copyOf(filled(largestRead, 'c')).toString('latin1', largestRead - 1), 'c');
});

test('a chunk that is larger than any read gets memory of its own', () => {
  const copy = copyOf(filled(largestRead + 1, 'a'));
  assert.equal(copy.length, largestRead + 1);
  giveBack(copy);
  assert.notEqual(copyOf(filled(1, 'b')).buffer, copy.buffer);
});

test('small chunks that wait for a slow peer hold hardly more than they are', () => {
  const copies = Array.from({ length: 100 }, () => copyOf(filled(10_000, 'a')));
  const held = [...new Set(copies.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);
  // What others gave back may be among it.
  assert.ok(held < 100 * 10_000 + 5 * largestRead, `${held} bytes`);
  for (const copy of copies) giveBack(copy);
});
