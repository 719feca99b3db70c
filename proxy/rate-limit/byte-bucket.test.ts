import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OwnedMemory } from '../workers/shared-memory.ts';
import { ByteBucket } from './byte-bucket.ts';

describe('a bucket of bytes', () => {
  let nowMs = 1e9;
  const now = () => BigInt(nowMs) * 1_000_000n;

  it('begins with what it is given, fills steadily, and holds the bytes of one second', () => {
    const bucket = new ByteBucket(1000, 50, undefined, now);
    assert.deepEqual([bucket.take(20), bucket.take(100), bucket.take(1)], [20, 30, 0]);
    nowMs += 10;
    assert.deepEqual([bucket.take(100), bucket.take(100)], [10, 0]);
    nowMs += 60_000;
    assert.deepEqual([bucket.take(5000), bucket.take(1)], [1000, 0]);
  });

  it('loses no byte of a slow one to rounding', () => {
    const bucket = new ByteBucket(3, 0, undefined, now);
    let bytes = 0;
    for (let i = 0; i < 1000; i++) {
      nowMs += 10;
      bytes += bucket.take(10);
    }
    assert.equal(bytes, 30);
  });

  it('gives to all workers together what it has', () => {
    const memory = new OwnedMemory(() => {});
    const [one, other] = [0, 1].map(() => memory.within('unit', () => new ByteBucket(1000, 50, memory, now)));
    assert.deepEqual([one!.take(30), other!.take(30), one!.take(30)], [30, 20, 0]);
  });

  it('gives nothing where the limit is none', () => {
    const bucket = new ByteBucket(0, 0, undefined, now);
    nowMs += 60_000;
    assert.equal(bucket.take(10), 0);
  });
});
