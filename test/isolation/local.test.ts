/** What only sandboxes on this machine have: folders of the data folder, ranges of user ids. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, utimesSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stateOf } from './outside-local.ts';
import { place } from './sandbox.ts';

const the = await place();

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

test('many at once get ranges of their own', async context => {
  if (!the.needs(context, 'two')) return;
  const learners = await Promise.all(Array.from({ length: 6 }, () => the.join()));
  const firsts = learners.map(({ sandbox }) => stateOf(the.data, sandbox.id).firstId);
  assert.equal(new Set(firsts).size, firsts.length);
  await Promise.all(learners.map(({ sandbox }) => sandbox.end()));
});

test("a trial is nobody's sandbox: it is not found, and takes no place", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const folder = join(the.data, 'sandboxes');
  const seen: string[] = [];
  const watcher = watch(folder, (_, name) => {
    if (name?.startsWith('trial')) seen.push(name);
  });
  context.after(() => watcher.close());
  let ended = false;
  const probing = the.provider.probe().finally(() => {
    ended = true;
  });
  const found: string[] = [];
  while (!ended) found.push(...(await the.provider.find()).map(({ id }) => id));
  assert.ok((await probing).usable);
  assert.ok(seen.length > 0, 'no trial was made');
  assert.deepEqual(
    found.filter(id => id.startsWith('trial')),
    [],
  );
});
