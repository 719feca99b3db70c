import assert from 'node:assert/strict';
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { limits, place, providerName } from './sandbox.ts';

const the = await place();
const learner = await the.first();

test('a full home and a full /tmp are full at their size, and empty again when emptied', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const free = (): number => statfsSync(tmpdir()).bavail * statfsSync(tmpdir()).bsize;
  const before = free();
  for (const folder of ['/home/learner', '/tmp']) {
    const fill = `cd ${folder}; for n in 1 2 3 4 5 6 7 8; do head -c 8M /dev/zero > f$n || break; done; du -sb . | cut -f1; rm f*`;
    const { standardOutput, standardError } = await learner.run(fill);
    assert.match(standardError, /No space left/);
    assert.ok(Number(standardOutput) <= limits.diskBytes * 1.01, standardOutput);
  }
  const inodes = await learner.run(
    'cd /tmp; mkdir many; cd many; seq 1 30000 | xargs touch; ls | wc -l; rm -rf /tmp/many',
    40_000,
  );
  assert.ok(Number(inodes.standardOutput) < 20_000);
  assert.ok(before - free() < 1 << 30, 'the disk of the machine filled');
  await learner.isWell();
});

test('a file cannot be larger than the home, nor a process open more files than allowed', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  assert.notEqual((await learner.run('truncate -s 1G ~/large')).exitStatus, 0);
  assert.ok(Number(await learner.said('ulimit -Hn')) <= limits.openFiles);
  assert.notEqual((await learner.run('ulimit -n 100000')).exitStatus, 0);
});

test('who takes too much memory is ended; the agent and the neighbour are not', { timeout: 120_000 }, async context => {
  if (!the.needs(context, 'limits')) return;
  if (providerName === 'kubernetes')
    return context.skip('a pod has one limit for all in it: test/kubernetes tells what happens');
  const neighbour = await the.join();
  const hog = 'node -e "const a = []; for (;;) a.push(Buffer.alloc(8 << 20, 1))"';
  const { exitStatus } = await learner.run(hog);
  assert.notEqual(exitStatus, 0);
  // Many small ones, so that the agent would be the largest.
  await learner.run('for n in $(seq 1 40); do (x=$(head -c 8M /dev/zero | tr "\\0" x); sleep 1) & done; wait', 60_000);
  await learner.isWell();
  await neighbour.isWell();
});

test('what fills home, /tmp and shared memory at once leaves the sandbox working', async context => {
  if (!the.needs(context, 'limits')) return;
  const small = await the.join({ limits: { memoryBytes: 128 << 20, diskBytes: 120 << 20 } });
  const { standardError } = await small.run(
    'for f in /tmp/a ~/b /dev/shm/c; do head -c 100M /dev/zero > $f; done',
    15_000,
  );
  assert.match(standardError, /No space left|too large/i);
  await small.said('curl --version; node -v');
  await small.said('rm -f /tmp/a ~/b /dev/shm/c');
  await small.isWell();
});

test('busy loops take their share of the CPU and no more', async context => {
  if (!the.needs(context, 'limits')) return;
  const half = await the.join({ limits: { cpus: 0.5 } });
  const used = await half.said(
    'for n in 1 2 3; do timeout 2 sh -c "while :; do :; done" & done; wait; awk "{print \\$16 + \\$17}" /proc/$$/stat',
  );
  assert.ok(Number(used) / 100 < 1.6, `${Number(used) / 100} s of CPU in 2 s`);
});
