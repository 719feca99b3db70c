import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolSize } from './plan.ts';

const minute = 60_000;
const startsAtMs = 1_800_000_000_000;
const at = (minutes: number, more: Partial<Parameters<typeof poolSize>[1]> = {}, size: number | null = 30) =>
  poolSize(
    { size, startsAtMs, deletesAtMs: null },
    { warm: 2, joined: 0, servers: 1, nowMs: startsAtMs + minutes * minute, ...more },
  );

test('the pool holds the class from a quarter of an hour before its start to half an hour after it', () => {
  assert.deepEqual(
    [-16, -15, 0, 30, 31].map(minutes => at(minutes)),
    [2, 30, 30, 30, 2],
  );
});

test('who has joined needs none, several servers share them, and there are never fewer than always', () => {
  assert.equal(at(0, { joined: 20 }), 10);
  assert.equal(at(0, { joined: 29 }), 2);
  assert.equal(at(0, { joined: 40 }), 2);
  assert.equal(at(0, { servers: 4, joined: 1 }), 8);
});

test('without a size or a start it is what it always is', () => {
  assert.equal(at(0, {}, null), 2);
  const plan = { size: 30, startsAtMs: null, deletesAtMs: null };
  assert.equal(poolSize(plan, { warm: 0, joined: 0, servers: 1, nowMs: 0 }), 0);
});
