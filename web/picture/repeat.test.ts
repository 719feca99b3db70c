import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { Repeat } from './repeat.ts';

const pace = { firstMs: 100, everyMs: 1000, forMs: 3000 };
const turn = () => new Promise(setImmediate);

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
});

async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 100) {
    mock.timers.tick(100);
    await turn();
  }
}

test('it works soon after it was woken, again for a while, and rests until it is woken again', async () => {
  let times = 0;
  const repeat = new Repeat(async () => void times++, pace);
  await pass(5000);
  assert.equal(times, 0);
  repeat.wake();
  await pass(100);
  assert.equal(times, 1);
  await pass(10_000);
  assert.equal(times, 4);
  repeat.wake();
  await pass(100);
  assert.equal(times, 5);
});

test('however often it is woken, it works no more often than its pace, and never twice at once', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let times = 0;
  const repeat = new Repeat(async () => {
    times++;
    await promise;
  }, pace);
  for (let at = 0; at < 2000; at += 100) {
    repeat.wake();
    await pass(100);
  }
  assert.equal(times, 1);
  resolve();
  await turn();
  for (let at = 0; at < 2000; at += 100) {
    repeat.wake();
    await pass(100);
  }
  assert.equal(times, 3);
});

test('it stops for good', async () => {
  let times = 0;
  const repeat = new Repeat(async () => void times++, pace);
  repeat.wake();
  repeat.stop();
  repeat.wake();
  await pass(5000);
  assert.equal(times, 0);
});
