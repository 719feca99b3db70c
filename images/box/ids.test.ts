import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeRanges, leaseRange, parseSubordinate } from './ids.ts';

const user = { uid: 1000, name: 'ada' };

test('reads /etc/subuid and passes over what is no range', () => {
  assert.deepEqual(parseSubordinate('ada:100000:65536\n# x\n\nbroken:1\nbob:x:y\n'), [
    { owner: 'ada', first: 100000, count: 65536 },
  ]);
});

test('a plain user has the whole ranges of 2048 that both files give, by name or by number', () => {
  assert.equal(freeRanges(user, 'ada:100000:65536', 'ada:100000:65536').length, 32);
  assert.deepEqual(freeRanges(user, '1000:100000:5000', 'ada:100000:4096'), [100000, 102048]);
  assert.deepEqual(freeRanges(user, 'ada:100000:65536', 'ada:900000:65536'), []);
  assert.deepEqual(freeRanges(user, 'ada:100000:2047', 'ada:100000:2047'), []);
  assert.deepEqual(freeRanges(user, '', ''), []);
});

test('what somebody else was given too is not used', () => {
  const both = 'ada:100000:8192\nbob:102048:10\n';
  assert.deepEqual(freeRanges(user, both, both), [100000, 104096, 106144]);
});

test("root's ranges lie far from all others, and give way to them", () => {
  const root = { uid: 0, name: 'root' };
  const free = freeRanges(root, 'ada:100000:65536', 'ada:100000:65536');
  assert.equal(free[0], 2_000_683_008);
  assert.equal(freeRanges(root, 'ada:2000683000:100', '')[0], 2_000_683_008 + 2048);
  assert.ok(free.at(-1)! + 2048 < 2 ** 32 - 2);
});

test('a range has one holder at a time, and is free once that is gone', async () => {
  const ranges = [3_999_000_000, 3_999_002_048];
  const first = await leaseRange(ranges);
  const second = await leaseRange(ranges);
  assert.deepEqual([first?.first, second?.first], ranges);
  assert.equal(await leaseRange(ranges), undefined);
  await new Promise(resolve => first!.server.close(resolve));
  const third = await leaseRange(ranges);
  assert.equal(third?.first, ranges[0]);
  for (const lease of [second, third]) lease!.server.close();
});
