import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ended } from './outside.ts';
import { Learner, limits, otherProvider, place, providerOf } from './sandbox.ts';

const the = await place();

test('a home outlives its sandbox, with its modes and links, and nothing else does', async context => {
  if (!the.needs(context, 'sandboxes') || !the.needs(context, 'homes')) return;
  const first = await the.join({ home: 'homestays' });
  await first.said(
    'mkdir -p ~/d && echo kept > ~/d/file && chmod 640 ~/d/file && ln -s d/file ~/link && echo gone > /tmp/gone',
  );
  await first.sandbox.end();
  assert.deepEqual(await the.outside.traces([first.sandbox.id]), []);
  assert.deepEqual(await the.outside.homes(), ['homestays']);
  const second = await the.join({ home: 'homestays' });
  assert.equal(await second.said('cat ~/link; stat -c "%a %U" ~/d/file; ls /tmp'), 'kept\n640 learner');
  await second.sandbox.end();
  await the.provider.removeHome('homestays');
  assert.deepEqual(await the.outside.homes(), []);
  const third = await the.join({ home: 'homestays' });
  assert.equal(await third.said('ls -A ~'), '');
  await third.sandbox.end();
});

test('another server finds what lives, and may use and end it', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join({ home: 'homefound' });
  await learner.said('echo here > ~/here');
  const later = await providerOf(the.data);
  await later.sweep();
  const found = (await later.find()).find(({ id }) => id === learner.sandbox.id);
  assert.equal(found?.home, 'homefound');
  assert.equal(await new Learner(found!).said('cat ~/here'), 'here');
  await found!.end();
  assert.deepEqual(await later.find(), []);
});

test('what another data folder has is neither found nor swept', async context => {
  if (!the.needs(context, 'two')) return;
  const learner = await the.join();
  const other = await otherProvider(context);
  assert.deepEqual(await other.find(), []);
  await other.sweep();
  await learner.isWell();
  await learner.sandbox.end();
});

test('a sandbox that is killed is gone whole; what is left is swept', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join();
  const { id } = learner.sandbox;
  await learner.ask('usage', {});
  await the.outside.kill(id);
  await assert.rejects(async () => {
    for (;;) await learner.ask('usage', {});
  });
  await the.provider.sweep();
  assert.deepEqual(await the.provider.find(), []);
  await ended(the.outside, id);
});

test('a sandbox that no server comes to ends and leaves nothing', { timeout: 60_000 }, async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join({ orphanTimeoutSeconds: 1 });
  const lives = async () => (await the.provider.find()).some(({ id }) => id === learner.sandbox.id);
  while (await lives()) await new Promise(resolve => setTimeout(resolve, 100));
  // A pod is no longer running for a while before it has ended.
  do await the.provider.sweep();
  while ((await the.outside.traces([learner.sandbox.id])).length > 0);
  await learner.sandbox.end();
});

test('many at once are made, work, and end', async context => {
  if (!the.needs(context, 'two')) return;
  const learners = await Promise.all(Array.from({ length: 6 }, () => the.join()));
  await Promise.all(learners.map(learner => learner.isWell()));
  await Promise.all(learners.map(({ sandbox }) => sandbox.end()));
});

test('a name that is taken or none is refused, and hurts nobody', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join();
  const request = { home: 'homehome', limits, orphanTimeoutSeconds: 9 };
  const create = (id: string) => the.provider.create({ ...request, id }, () => {});
  for (const id of ['../../etc', 'UPPERCASE', 'short', 'a b c d e f', ''])
    await assert.rejects(create(id), /is no name of a sandbox/);
  if (the.report.maximumSandboxes > 1) await assert.rejects(create(learner.sandbox.id), /already/);
  await learner.isWell();
});
