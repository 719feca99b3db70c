import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStuck } from './stuck.ts';

const minute = 60_000;

test('stuck is who takes twice the time, or fails in many ways', () => {
  assert.equal(isStuck({ minutes: 5 }, 0, 0, 10 * minute), false);
  assert.equal(isStuck({ minutes: 5 }, 0, 0, 10 * minute + 1), true);
  assert.equal(isStuck({ minutes: 1 }, 0, 0, 3 * minute), false, 'nobody is stuck in the first minutes');
  assert.equal(isStuck({ minutes: 5 }, 4, 0, minute), false);
  assert.equal(isStuck({ minutes: 5 }, 5, 0, minute), true);
});
