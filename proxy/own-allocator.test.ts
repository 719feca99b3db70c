import assert from 'node:assert/strict';
import { test } from 'node:test';
import { betterEnvironment } from './own-allocator.ts';

test('a proxy with one worker is to have one arena, unless somebody has said how many', () => {
  const better = { PATH: '/bin', MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' };
  assert.deepEqual(betterEnvironment(['-c', 'x.yaml'], { PATH: '/bin' }), better);
  assert.deepEqual(betterEnvironment(['-c', 'x.yaml', '--concurrency', '1'], { PATH: '/bin' }), better);
  assert.equal(betterEnvironment(['-c', 'x.yaml'], better), undefined);
  assert.equal(betterEnvironment(['-c', 'x.yaml', '--concurrency', '2'], {}), undefined);
});

test('what ends at once is not started twice', () => {
  for (const args of [['--version'], ['-c', 'x.yaml', '--mode', 'validate'], ['--no-such-option']])
    assert.equal(betterEnvironment(args, {}), undefined);
});
