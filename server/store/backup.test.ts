import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { TestPostgres, whyNoPostgres } from '../../test/fixtures/postgres.ts';
import { backUp, restoreFrom } from '../backup.ts';
import { StartError } from '../errors.ts';
import { ownerOf } from '../providers/owner.ts';
import { defaultSettings, type Settings } from '../settings.ts';
import { databaseOf } from './database.ts';
import { openStore } from './kysely-store.ts';
import type { Store } from './store.ts';

let postgres: TestPostgres;
const skip = whyNoPostgres() ?? false;
before(async () => {
  if (!skip) postgres = await TestPostgres.make();
});
after(() => postgres?.remove());

async function folder(context: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'ub-'));
  context.after(() => rm(made, { recursive: true }));
  return made;
}

const settingsOf = (data: string, databaseUrl: string | null = null): Settings => ({
  ...defaultSettings({}),
  data,
  databaseUrl,
});

async function withStore<T>(settings: Settings, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(await databaseOf(settings));
  return work(store).finally(() => store.close());
}

/** A class of 250 with something of everything. */
async function fill(store: Store): Promise<void> {
  await store.secrets({ classCode: 'abcde-fghij' });
  await store.setFollowSlide('retries');
  await store.class.setPlan({ size: 250, startsAtMs: 2 ** 41, deletesAtMs: 2 ** 42 });
  await store.class.keepContent('r1', 'packed');
  await store.addMessage({ id: 'm', text: 'Ünïcode "quotes"\n', atMs: 1_700_000_000_000 });
  await store.addAuthSession('instructor', { role: 'instructor' }, 2 ** 41);
  for (let index = 0; index < 250; index++) {
    const id = `learner${index}`;
    await store.addLearner({
      id,
      name: `Name ${index}`,
      joinedAtMs: index,
      home: null,
      lastSeenAtMs: 2 ** 41 + index,
      lesson: null,
    });
  }
  await store.setKey('learner0', 'key');
  await store.setSubject('https://issuer.example person', 'learner0');
  await store.addAuthSession('token', { role: 'learner', learner: 'learner0' }, 5);
  await store.saveExercise('learner0', {
    ...{ exercise: 'e', openedAtMs: 1, passedAtMs: 2, failures: 3, hints: 1, solutionShown: true },
    ...{ solvedBy: 'shown' as const, answer: 'a', revision: 'r' },
  });
  await store.saveChecks('learner0', [{ exercise: 'e', check: { id: 'c', title: 'C', state: 'passed' }, atMs: 9 }]);
}

async function contentOf(store: Store): Promise<unknown> {
  return [
    await store.secrets({ classCode: 'x' }),
    await store.followSlide(),
    await store.class.plan(),
    await store.class.content(),
    await store.messages(),
    await store.learners(),
    await store.identityOf('token'),
    await store.identityOf('instructor'),
    await store.learnerByKey('key'),
    await store.learnerBySubject('https://issuer.example person'),
    await store.exercises('learner0'),
    await store.checks('learner0'),
  ];
}

test('a class moves from SQLite to PostgreSQL and back with nothing lost', { skip }, async context => {
  const data = await folder(context);
  const file = join(data, 'backup');
  const sqlite = settingsOf(data);
  const server = settingsOf(data, await postgres.database());
  const again = settingsOf(join(data, 'other'));
  const before = await withStore(sqlite, async store => {
    await fill(store);
    // While a server has it open.
    await backUp(sqlite, file);
    return contentOf(store);
  });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const rows = await restoreFrom(server, file, false);
  assert.equal(rows, 259);
  assert.deepEqual(await withStore(server, contentOf), before);
  assert.equal(await backUp(server, `${file}2`), rows);
  await restoreFrom(again, `${file}2`, false);
  assert.deepEqual(await withStore(again, contentOf), before);
});

test('containers and homes are found again where a class moved to', { skip }, async context => {
  const data = await folder(context);
  const file = join(data, 'backup');
  const [sqlite, server, again] = [
    settingsOf(data),
    settingsOf(data, await postgres.database()),
    settingsOf(join(data, 'other')),
  ];
  const owner = await ownerOf(data);
  await withStore(sqlite, store => store.secrets({ owner: 'another' }));
  await backUp(sqlite, file);
  await restoreFrom(server, file, false);
  assert.equal((await withStore(server, store => store.secrets({ owner: 'new' }))).owner, owner);
  await backUp(server, `${file}2`);
  await restoreFrom(again, `${file}2`, false);
  assert.equal(await ownerOf(again.data), owner);
});

test('a restore ends what is there only when told so, and all of it', async context => {
  const data = await folder(context);
  const file = join(data, 'backup');
  await backUp(settingsOf(join(data, 'empty')), file);
  const settings = settingsOf(data);
  const before = await withStore(settings, async store => {
    await fill(store);
    return contentOf(store);
  });
  await assert.rejects(restoreFrom(settings, file, false), /learners in this store already/);
  assert.deepEqual(await withStore(settings, contentOf), before);
  await withStore(settings, store => store.spares.save({ id: 's', home: 'h', holder: 'x', createdAtMs: 1 }));
  await restoreFrom(settings, file, true);
  assert.deepEqual(await withStore(settings, store => store.spares.all()), []);
  assert.deepEqual(await withStore(settings, store => store.learners()), []);
  assert.equal(await withStore(settings, store => store.followSlide()), null);
});

test('a file that is cut off, changed or of another program changes nothing', async context => {
  const data = await folder(context);
  const file = join(data, 'backup');
  const settings = settingsOf(data);
  await withStore(settings, fill);
  await backUp(settings, file);
  const whole = await readFile(file, 'utf8');
  const target = settingsOf(join(data, 'target'));
  const mistake = async (text: string) => {
    await writeFile(file, text);
    const error = await restoreFrom(target, file, false).catch(thrown => thrown);
    assert.ok(error instanceof StartError, String(error));
    return error.message.replace(file, 'FILE');
  };
  assert.match(await mistake(whole.slice(0, -100)), /^FILE(:\d+: not a line|is not whole)/);
  assert.match(await mistake(whole.split('\n').toSpliced(5, 1).join('\n')), /is not whole/);
  assert.match(await mistake(whole.replace('Name 7', 'Name 8')), /is not whole/);
  assert.match(await mistake(whole.replace('"version":1', '"version":2')), /newer Unicorn/);
  assert.match(await mistake('{"a":1}\n'), /not a backup of Unicorn/);
  assert.match(await mistake(''), /not a line/);
  assert.match(await mistake('hello\n'), /not a line/);
  assert.deepEqual(await withStore(target, store => store.learners()), []);
});

test('nothing is restored under a server that runs', { skip }, async context => {
  const data = await folder(context);
  const file = join(data, 'backup');
  const settings = settingsOf(data, await postgres.database());
  await backUp(settings, file);
  await withStore(settings, store => store.replicas.register('one', 'host:1', 60_000));
  await assert.rejects(restoreFrom(settings, file, true), /Servers use this database: host:1/);
});
