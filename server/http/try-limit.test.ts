import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnicornError } from '../errors.ts';
import { TryLimit } from './try-limit.ts';

test('an address is refused after so many failures, until the window is over; others are not', () => {
  let nowMs = 0;
  const limit = new TryLimit({ allowed: 2, windowMs: 1000, now: () => nowMs });
  const refused = (address: string) => {
    try {
      limit.check(address);
      return false;
    } catch (error) {
      assert.ok(error instanceof UnicornError && error.code === 'too-many-tries');
      return true;
    }
  };
  limit.fail('one');
  assert.equal(refused('one'), false);
  limit.fail('one');
  assert.equal(refused('one'), true);
  assert.equal(refused('two'), false);
  nowMs = 999;
  assert.equal(refused('one'), true);
  nowMs = 1000;
  assert.equal(refused('one'), false);
});

test('memory is bounded, whatever addresses come', () => {
  const limit = new TryLimit({ allowed: 1 });
  for (let index = 0; index < 10_001; index++) limit.fail(`address ${index}`);
  limit.check('address 0');
  assert.throws(() => limit.check('address 10000'));
});
