import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LocalProvider } from '../../server/providers/local/provider.ts';
import { Learner, place, traces } from './sandbox.ts';

const the = await place();

const stateOf = (id: string): { keeper: number; boot: string; groups: string[] } =>
  JSON.parse(readFileSync(join(the.data, 'sandboxes', id, 'state.json'), 'utf8'));

/** Resolves when a keeper is gone, and with it the pid namespace of its sandbox. */
async function ended(keeper: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (existsSync(`/proc/${keeper}`) && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20));
}

test('a home outlives its sandbox, with its modes and links, and nothing else does', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const first = await the.join({ home: 'homestays' });
  await first.said(
    'mkdir -p ~/d && echo kept > ~/d/file && chmod 640 ~/d/file && ln -s d/file ~/link && echo gone > /tmp/gone',
  );
  await first.sandbox.end();
  assert.deepEqual(traces([first.sandbox.id]), []);
  assert.ok(!existsSync(join(the.data, 'sandboxes', first.sandbox.id)));
  const second = await the.join({ home: 'homestays' });
  assert.equal(await second.said('cat ~/link; stat -c "%a %U" ~/d/file; ls /tmp'), 'kept\n640 learner');
  await second.sandbox.end();
  await the.provider.removeHome('homestays');
  const third = await the.join({ home: 'homestays' });
  assert.equal(await third.said('ls -A ~'), '');
  await third.sandbox.end();
});

test('another server finds what lives, and may use and end it', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join({ home: 'homefound' });
  await learner.said('echo here > ~/here');
  const later = new LocalProvider({
    data: the.data,
  });
  await later.sweep();
  const found = (await later.find()).find(({ id }) => id === learner.sandbox.id);
  assert.equal(found?.home, 'homefound');
  assert.equal(await new Learner(found!).said('cat ~/here'), 'here');
  await found!.end();
  assert.deepEqual(await later.find(), []);
});

test('a keeper that is killed takes its sandbox along; what is left is swept', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join();
  const { id } = learner.sandbox;
  const { keeper } = stateOf(id);
  process.kill(keeper, 'SIGKILL');
  await ended(keeper);
  assert.deepEqual(await the.provider.find(), []);
  await the.provider.sweep();
  assert.deepEqual(traces([id]), []);
  assert.ok(!existsSync(join(the.data, 'sandboxes', id)));
});

test('after a reboot nothing is taken for alive, and all is swept', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const folder = join(the.data, 'sandboxes', 'beforeboot');
  mkdirSync(folder, { recursive: true });
  const state = { id: 'beforeboot', homeFile: join(the.data, 'homes/x.tar'), runtime: '', groups: [], firstId: 0 };
  writeFileSync(
    join(folder, 'state.json'),
    JSON.stringify({ ...state, keeper: process.pid, keeperStart: '1', boot: 'other' }),
  );
  const unfinished = join(the.data, 'sandboxes', 'unfinished');
  mkdirSync(unfinished);
  utimesSync(unfinished, 1, 1);
  assert.deepEqual(await the.provider.find(), []);
  await the.provider.sweep();
  assert.deepEqual(readdirSync(join(the.data, 'sandboxes')), []);
});

test('a sandbox that no server comes to ends and leaves nothing', { timeout: 30_000 }, async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join({ orphanTimeoutSeconds: 1 });
  const { id, end } = learner.sandbox;
  const { keeper } = stateOf(id);
  await ended(keeper);
  assert.deepEqual(traces([id]), []);
  assert.ok(!existsSync(join(the.data, 'sandboxes', id)));
  await end();
});

test('many at once get ranges of their own', async context => {
  if (!the.needs(context, 'two')) return;
  const learners = await Promise.all(Array.from({ length: 6 }, () => the.join()));
  const firsts = learners.map(({ sandbox }) => (stateOf(sandbox.id) as unknown as { firstId: number }).firstId);
  assert.equal(new Set(firsts).size, firsts.length);
  await Promise.all(learners.map(learner => learner.isWell()));
  await Promise.all(learners.map(({ sandbox }) => sandbox.end()));
});

test('a name that is taken or none is refused, and hurts nobody', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const learner = await the.join();
  const request = {
    home: 'homehome',
    limits: { memoryBytes: 1 << 28, processes: 99, diskBytes: 1 << 24, cpus: 1, openFiles: 99 },
  };
  const create = (id: string) => the.provider.create({ ...request, id, orphanTimeoutSeconds: 9 }, () => {});
  for (const id of ['../../etc', 'UPPERCASE', 'short', 'a b c d e f', ''])
    await assert.rejects(create(id), /is no name of a sandbox/);
  if (the.report.maximumSandboxes > 1) await assert.rejects(create(learner.sandbox.id), /already/);
  await learner.isWell();
});
