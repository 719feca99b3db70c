import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SuccessHistory } from './success-history.ts';

test('what is older than the window no longer counts', () => {
  let now = 0;
  const history = new SuccessHistory(3000, () => now);
  history.record(true);
  now = 500;
  history.record(false);
  now = 1500;
  history.record(true);
  assert.deepEqual([history.requests, history.successes], [3, 2]);
  now = 3000;
  history.record(false);
  assert.deepEqual([history.requests, history.successes], [2, 1]);
});

test('the rate is that since the oldest request that counts', () => {
  let now = 0;
  const history = new SuccessHistory(3000, () => now);
  assert.equal(history.averageRate(), 0);
  for (let i = 0; i < 7; i++) history.record(true);
  assert.equal(history.averageRate(), 7);
  now = 2000;
  assert.equal(history.averageRate(), 3);
  now = 3000;
  assert.equal(history.averageRate(), 0);
});
