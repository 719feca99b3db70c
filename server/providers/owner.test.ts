import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownerOf } from './owner.ts';

test('all who ask at once are told the same name, and nothing else is left in the folder', async context => {
  const data = await mkdtemp(join(tmpdir(), 'unicorn-owner-'));
  context.after(() => rm(data, { recursive: true }));
  const names = await Promise.all(Array.from({ length: 50 }, () => ownerOf(data)));
  assert.match(names[0]!, /^[0-9a-f]{12}$/);
  assert.equal(new Set([...names, await ownerOf(data)]).size, 1);
  assert.deepEqual(await readdir(data), ['owner']);
});

test('a file that holds no name is an error that tells the file', async context => {
  const data = await mkdtemp(join(tmpdir(), 'unicorn-owner-'));
  context.after(() => rm(data, { recursive: true }));
  await writeFile(join(data, 'owner'), '\n');
  await assert.rejects(ownerOf(data), new RegExp(`^Error: ${join(data, 'owner')} holds ""`));
});
