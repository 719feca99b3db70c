import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MersenneTwister } from './mersenne-twister.ts';

test('MT19937 gives the numbers that its standard names', () => {
  const random = new MersenneTwister(5489);
  assert.equal(random.next(), 3_499_211_612);
  for (let i = 2; i < 10_000; i++) random.next();
  assert.equal(random.next(), 4_123_659_995);
});

test('numbers below a limit', () => {
  const random = new MersenneTwister(1);
  const found = new Set(Array.from({ length: 200 }, () => random.below(5)));
  assert.deepEqual([...found].sort(), [0, 1, 2, 3, 4]);
});
