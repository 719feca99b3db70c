import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TokenBucket as Configuration } from '../api/envoy/type/v3/token_bucket_pb.js';
import { TokenBucket } from './token-bucket.ts';

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
