import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TokenBucket as Configuration } from '../api/envoy/type/v3/token_bucket_pb.js';
import { SharedTokenBucket, TokenBucket } from './token-bucket.ts';

const configuration = (maxTokens: number, tokensPerFill: number, seconds: number) =>
  ({ maxTokens, tokensPerFill, fillInterval: { seconds: BigInt(seconds), nanos: 0 } }) as Configuration;

describe('a token bucket', () => {
  it('begins full and gives what it has', () => {
    const bucket = new TokenBucket(configuration(3, 1, 60), () => 0);
    assert.deepEqual([bucket.take(), bucket.take(), bucket.take(), bucket.take()], [true, true, true, false]);
  });

  it('fills steadily, and no further than its size', () => {
    let now = 0;
    const bucket = new TokenBucket(configuration(4, 2, 1), () => now);
    for (let i = 0; i < 4; i++) bucket.take();
    now = 499;
    assert.equal(bucket.take(), false);
    now = 500;
    assert.equal(bucket.take(), true);
    now = 60_000;
    assert.equal(bucket.remaining, 4);
  });
});

describe('a token bucket that workers share', () => {
  const memory = () => new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);

  it('gives to all together what it has', () => {
    const shared = memory();
    const [one, other] = [0, 1].map(() => new SharedTokenBucket(configuration(3, 1, 60), shared, () => 10n ** 12n));
    assert.deepEqual(
      [one!.take(), other!.take(), one!.take(), other!.take(), one!.take()],
      [true, true, true, false, false],
    );
  });

  it('gives when one that is not shared does', () => {
    let nowMs = 1e6;
    const [size, perFill, seconds] = [5, 3, 2];
    const own = new TokenBucket(configuration(size, perFill, seconds), () => nowMs);
    const shared = new SharedTokenBucket(
      configuration(size, perFill, seconds),
      memory(),
      () => BigInt(nowMs) * 1_000_000n,
    );
    for (let i = 0; i < 5000; i++) {
      // Never at the very moment at which one is full, where rounding decides.
      nowMs += (i * 7919) % 1000 === 666 ? 10_001 : (i * 7919) % 997;
      assert.equal(shared.take(), own.take(), `take ${i}`);
    }
  });
});
