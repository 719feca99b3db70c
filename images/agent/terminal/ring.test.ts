import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputRing } from './ring.ts';

test('gives back what was put in, whatever the sizes, and knows what is gone', () => {
  let seed = 5;
  const random = (below: number): number => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let round = 0; round < 20; round++) {
    const ring = new OutputRing(1000, 16);
    let all = Buffer.alloc(0);
    for (let at = 0; at < 60; at++) {
      const chunk = Buffer.from(Array.from({ length: random(at % 10 === 0 ? 3000 : 120) }, () => random(256)));
      all = Buffer.concat([all, chunk]);
      ring.append(chunk);
      assert.equal(ring.end, all.length);
      assert.ok(ring.end - ring.start <= 1000);
      assert.ok(ring.end - ring.start >= Math.min(all.length, 1000) || ring.start === 0);
      const from = ring.start + random(ring.end - ring.start + 1);
      assert.deepEqual(ring.read(from, 500), all.subarray(from, from + 500));
      if (ring.start > 0) assert.equal(ring.read(ring.start - 1, 10), undefined);
      assert.equal(ring.read(ring.end + 1, 10), undefined);
    }
  }
});
