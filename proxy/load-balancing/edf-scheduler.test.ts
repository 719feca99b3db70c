import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdfScheduler } from './edf-scheduler.ts';

/** What is chosen, by weights that stay. */
function chosen(weights: Record<string, number>, times: number): string {
  const scheduler = new EdfScheduler<string>();
  for (const [item, weight] of Object.entries(weights)) scheduler.add(item, weight);
  return Array.from({ length: times }, () => scheduler.next(item => weights[item]!)).join('');
}

test('each is chosen as often as its weight says, as evenly as can be, in each round alike', () => {
  assert.equal(chosen({ a: 5, b: 3, c: 2 }, 30), 'abacabacba'.repeat(3));
  assert.equal(chosen({ a: 3, b: 1 }, 4000), 'aaba'.repeat(1000));
});

test('of those that are due at once, the one that waits longest comes first', () => {
  assert.equal(chosen({ a: 1, b: 1, c: 2 }, 12), 'cabc'.repeat(3));
});

test('a weight that changes counts from the next choice on', () => {
  const weights = { a: 1, b: 1 };
  const scheduler = new EdfScheduler<'a' | 'b'>();
  for (const item of ['a', 'b'] as const) scheduler.add(item, 1);
  const next = () => scheduler.next(item => weights[item]);
  assert.equal(next(), 'a');
  weights.b = 4;
  assert.equal(Array.from({ length: 10 }, next).join(''), 'bbbbabbbba');
});

test('nobody is chosen where there is nobody', () => {
  assert.equal(
    new EdfScheduler<string>().next(() => 1),
    undefined,
  );
});
