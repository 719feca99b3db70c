import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitsShare } from './share.ts';

test('a third of 300 fits a third, half of them does not', () => {
  assert.ok(fitsShare(100, 300, 33));
  assert.ok(fitsShare(70, 300, 33));
  assert.ok(!fitsShare(150, 300, 33));
  assert.ok(!fitsShare(50, 300, 33));
});

test('none and all are exact', () => {
  assert.ok(fitsShare(0, 100, 0) && fitsShare(100, 100, 100));
  assert.ok(!fitsShare(1, 100, 0) && !fitsShare(99, 100, 100));
});

/** The probability of exactly that many, by factors of about one, so that nothing under- or overflows. */
function exactly(found: number, total: number, share: number): number {
  let value = 1;
  let ones = found;
  let others = total - found;
  for (let k = 0; k < found; k++) {
    value *= (total - k) / (found - k);
    while (value > 1 && ones + others > 0) value *= ones > 0 && ones-- ? share : others-- && 1 - share;
  }
  return value * share ** ones * (1 - share) ** others;
}

test('of honest learners fewer than one in ten thousand is refused, whatever the share', () => {
  for (const [total, percent] of [
    [100, 20],
    [200, 33],
    [300, 50],
    [200, 5],
  ] as const) {
    let refused = 0;
    let all = 0;
    for (let found = 0; found <= total; found++) {
      const probability = exactly(found, total, percent / 100);
      all += probability;
      if (!fitsShare(found, total, percent)) refused += probability;
    }
    assert.ok(Math.abs(all - 1) < 1e-9, `the probabilities of ${total} at ${percent} % make ${all}`);
    assert.ok(refused < 1e-5, `${refused} of ${total} at ${percent} %`);
  }
});
