import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodedParameters, withoutParameter } from './query.ts';

test('parameters are decoded, and the first of a name counts', () => {
  assert.deepEqual(
    [...decodedParameters('/a?x=%20&x=2&%61=b&c&%=1')],
    [
      ['x', ' '],
      ['a', 'b'],
      ['c', ''],
      ['%', '1'],
    ],
  );
});

test('a parameter is taken away; the others are sorted and stay as they were written', () => {
  assert.equal(withoutParameter('/a?z=%2F&t=1&b&t=2&a=+', 't'), '/a?a=+&b=&z=%2F');
  assert.equal(withoutParameter('/a?t=1', 't'), '/a');
});
