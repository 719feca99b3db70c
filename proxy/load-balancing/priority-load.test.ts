import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PriorityHealth, type PriorityLoadSettings, priorityLoad } from './priority-load.ts';

const usual: PriorityLoadSettings = { overprovisioning: 140, panicThreshold: 50 };

const level = (hosts: number, healthy: number, degraded = 0, excluded = 0): PriorityHealth => ({
  ...{ hosts, healthy, degraded, excluded },
});

function loads(levels: PriorityHealth[], settings: Partial<PriorityLoadSettings> = {}) {
  const { healthy, degraded, panic } = priorityLoad(levels, { ...usual, ...settings });
  return [healthy, degraded, panic];
}

const none = (count: number) => Array<number>(count).fill(0);

test('the best priority takes all load while enough of its hosts are healthy', () => {
  assert.deepEqual(loads([level(4, 3), level(4, 4)]), [[100, 0], none(2), [false, false]]);
});

test('what it cannot take goes to the next; what rounding leaves goes to the first', () => {
  assert.deepEqual(loads([level(2, 1), level(1, 1)]), [[70, 30], none(2), [false, false]]);
  // 28 of 100 each would be 84: they are scaled.
  assert.deepEqual(loads([level(5, 1), level(5, 1), level(5, 1)])[0], [34, 33, 33]);
});

test('degraded hosts take what healthy ones cannot', () => {
  assert.deepEqual(loads([level(4, 1, 3)]), [[35], [65], [false]]);
});

test('a priority with too few hosts is in panic, unless all priorities together are enough', () => {
  assert.deepEqual(loads([level(10, 4), level(10, 2)])[2], [true, true]);
  assert.deepEqual(loads([level(10, 4), level(10, 10)])[2], [false, false]);
});

test('where all are in panic, load goes by the number of hosts', () => {
  assert.deepEqual(loads([level(1, 0), level(3, 0)]), [[25, 75], none(2), [true, true]]);
});

test('without panic and without a healthy host, nobody is asked in the first priority', () => {
  assert.deepEqual(loads([level(1, 0), level(3, 0)], { panicThreshold: 0 }), [[100, 0], none(2), [false, false]]);
});

test('a cluster without hosts is in panic', () => {
  assert.deepEqual(loads([level(0, 0)]), [[100], [0], [true]]);
});

test('hosts that are excluded do not count, until all are in panic', () => {
  assert.deepEqual(loads([level(4, 2, 0, 2)]), [[100], [0], [false]]);
  assert.deepEqual(loads([level(2, 0, 0, 2), level(2, 0)])[0], [50, 50]);
});

test('loads are 100 in all, whatever the health', () => {
  for (let hosts = 1; hosts <= 7; hosts++)
    for (let healthy = 0; healthy <= hosts; healthy++)
      for (let degraded = 0; degraded <= hosts - healthy; degraded++)
        for (const panicThreshold of [0, 1, 50, 100]) {
          const levels = [level(hosts, healthy, degraded), level(3, 1, 1), level(200, 1)];
          const load = priorityLoad(levels, { overprovisioning: 140, panicThreshold });
          const sum = [...load.healthy, ...load.degraded].reduce((total, one) => total + one);
          assert.equal(sum, 100, JSON.stringify({ levels, panicThreshold, load }));
        }
});
