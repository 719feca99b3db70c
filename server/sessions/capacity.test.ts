import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Capacity } from './capacity.ts';

const never = () => new AbortController().signal;

test('places are given in the order of asking; who waits is told the place', async () => {
  const capacity = new Capacity(1);
  const release = await capacity.acquire(never(), () => assert.fail('no need to wait'));
  const places: string[] = [];
  const second = capacity.acquire(never(), place => places.push(`second ${place}`));
  const third = capacity.acquire(never(), place => places.push(`third ${place}`));
  release();
  release();
  const releaseSecond = await second;
  assert.deepEqual(places, ['second 1', 'third 2', 'third 1']);
  releaseSecond();
  (await third)();
});

test('who gives up leaves the queue', async () => {
  const capacity = new Capacity(1);
  const release = await capacity.acquire(never(), () => {});
  const abort = new AbortController();
  const gone = capacity.acquire(abort.signal, () => {});
  const places: number[] = [];
  const last = capacity.acquire(never(), place => places.push(place));
  abort.abort(new Error('gave up'));
  await assert.rejects(gone, /gave up/);
  assert.deepEqual(places, [2, 1]);
  release();
  await last;
});

test('what is there already counts, beyond the maximum too; a lower maximum holds for the next', async () => {
  const capacity = new Capacity(2);
  const releases = [capacity.take(), capacity.take(), capacity.take()];
  capacity.limit(1);
  let admitted = false;
  const waiting = capacity
    .acquire(never(), () => {})
    .then(() => {
      admitted = true;
    });
  releases[0]?.();
  releases[1]?.();
  await Promise.resolve();
  assert.equal(admitted, false);
  releases[2]?.();
  await waiting;
});
