import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSecrets } from './secrets.ts';
import { defaultSettings } from './settings.ts';
import { databaseOf } from './store/database.ts';
import { openStore } from './store/kysely-store.ts';

test('secrets stay what they are, also those of a file from before they were in the store', async context => {
  const data = await mkdtemp(join(tmpdir(), 'us-'));
  const settings = { ...defaultSettings({}), data, databaseUrl: null };
  const store = await openStore(await databaseOf(settings));
  context.after(async () => {
    await store.close();
    await rm(data, { recursive: true });
  });
  const file = join(data, 'secrets.json');
  await writeFile(file, JSON.stringify({ classCode: 'abcde-fghij', instructor: 'from-the-file', other: 'left out' }));
  const first = await loadSecrets(store, settings);
  assert.equal(first.classCode, 'abcde-fghij');
  assert.equal(first.instructor, 'from-the-file');
  assert.ok(first.replicas.length > 20);
  assert.equal(existsSync(file), false);
  assert.deepEqual(await loadSecrets(store, settings), first);
  const given = await loadSecrets(store, { ...settings, instructorSecret: 'told-by-environment' });
  assert.deepEqual(given, { ...first, instructor: 'told-by-environment' });
});
