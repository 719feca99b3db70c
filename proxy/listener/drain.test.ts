import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drain } from './drain.ts';

test('connections stay until it begins; then all are told to go, or by and by', context => {
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  const drain = new Drain(() => 0.5);
  assert.equal(drain.endsConnection(), false);
  drain.begin({ durationMs: 1000, gradual: true });
  now = 499;
  assert.equal(drain.endsConnection(), false);
  now = 501;
  assert.equal(drain.endsConnection(), true);
  drain.begin({ durationMs: 1000, gradual: false });
  assert.equal(drain.endsConnection(), true);
});
