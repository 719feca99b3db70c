import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptAnswer } from './health-check.ts';

test('an answer is kept until its period ends, not for a whole period from when it came', () => {
  let now = 1000;
  const kept = new KeptAnswer(100, () => now);
  assert.equal(kept.fresh, undefined);
  now = 1090;
  kept.keep(503, false);
  now = 1099;
  assert.deepEqual(kept.fresh, {
    status: 503,
    details: 'health_check_cached',
    degraded: false,
    counted: ['cached', 'failed'],
  });
  now = 1100;
  assert.equal(kept.fresh, undefined);
});
