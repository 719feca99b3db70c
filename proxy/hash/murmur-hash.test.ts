import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmurHash64 } from './murmur-hash.ts';

test('hashes are those of GCC’s library, of any length', () => {
  for (const [text, expected] of [
    ['', 6142509188972423790n],
    ['a', 4993892634952068459n],
    ['12345678', 10113836418918046885n],
    ['127.0.0.1:8080_12', 13359345509635455857n],
  ] as const)
    assert.equal(murmurHash64(Buffer.from(text)), expected, text);
});
