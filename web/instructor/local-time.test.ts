import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localTime, timeOf } from './local-time.ts';

test('a time goes into an input and comes back, in summer and in winter', () => {
  for (const text of ['2026-01-15T09:30', '2026-07-15T23:59']) {
    const atMs = new Date(text).getTime();
    assert.equal(localTime(atMs), text);
    assert.equal(timeOf(text, null), atMs);
  }
  assert.equal(localTime(null), '');
  assert.equal(timeOf('', 5), null);
});

test('what was not touched keeps its seconds', () => {
  const atMs = new Date('2026-07-15T10:00:42.123').getTime();
  assert.equal(timeOf(localTime(atMs), atMs), atMs);
  assert.equal(timeOf('2026-07-15T10:01', atMs), new Date('2026-07-15T10:01').getTime());
});
