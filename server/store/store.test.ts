import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Dialect } from '#kysely';
import { openStore } from './kysely-store.ts';
import { sqliteDialect } from './sqlite.ts';
import type { ExerciseRecord, LearnerRecord, Store } from './store.ts';

/** One suite for every database: another joins by a line here. `dialect` speaks to an empty database, and again to the same one. */
const databases: { name: string; dialect(folder: string): Dialect }[] = [
  { name: 'SQLite', dialect: folder => sqliteDialect(join(folder, 'store.sqlite')) },
];

const ada: LearnerRecord = { id: 'ada0', name: 'Ada', joinedAtMs: 1_700_000_000_000, lastSeenAtMs: 5, lesson: null };
const bob: LearnerRecord = { ...ada, id: 'bob0', name: 'Bob', joinedAtMs: 1_700_000_000_001 };
const exercise: ExerciseRecord = {
  ...{ exercise: 'retry', openedAtMs: 7, passedAtMs: null, failures: 2, hints: 1, solutionShown: true },
  ...{ solvedBy: null, answer: '42', revision: null },
};

for (const { name, dialect } of databases) {
  const withStore = (title: string, work: (store: Store, reopen: () => Promise<Store>) => Promise<void>) =>
    test(`${name}: ${title}`, async context => {
      const folder = await mkdtemp(join(tmpdir(), 'us-'));
      const stores: Store[] = [];
      const open = async () => {
        const store = await openStore(dialect(folder));
        stores.push(store);
        return store;
      };
      context.after(async () => {
        for (const store of stores) await store.close();
        await rm(folder, { recursive: true });
      });
      await work(await open(), open);
    });

  withStore('learners keep what was stored; names are unique without regard to case', async store => {
    assert.equal(await store.addLearner(ada), true);
    assert.equal(await store.addLearner(bob), true);
    assert.equal(await store.addLearner({ ...ada, id: 'other', name: 'aDA' }), false);
    await store.setLesson('ada0', '2.3');
    await store.setLastSeen('ada0', 1_700_000_000_009);
    const expected = [{ ...ada, lesson: '2.3', lastSeenAtMs: 1_700_000_000_009 }, bob];
    assert.deepEqual(await store.learners(), expected);
  });

  withStore('a removed learner leaves nothing, and the name is free', async store => {
    await store.addLearner(ada);
    await store.addAuthSession('hash', { role: 'learner', learner: 'ada0' }, 1);
    await store.saveExercise('ada0', exercise);
    await store.saveChecks('ada0', [{ exercise: 'retry', check: { id: 'c', title: 'C', state: 'passed' }, atMs: 1 }]);
    await store.saveSandbox({
      learner: 'ada0',
      id: 's',
      home: 'h',
      provider: 'local',
      createdAtMs: 1,
      expiresAtMs: null,
    });
    await store.removeLearner('ada0');
    assert.equal(await store.identityOf('hash'), null);
    assert.deepEqual(await store.exercises('ada0'), []);
    assert.deepEqual(await store.checks('ada0'), []);
    assert.deepEqual(await store.sandboxes(), []);
    assert.equal(await store.addLearner(ada), true);
  });

  withStore('sessions and keys are found by their hashes alone', async store => {
    await store.addLearner(ada);
    await store.addAuthSession('one', { role: 'learner', learner: 'ada0' }, 10);
    await store.addAuthSession('two', { role: 'instructor' }, 20);
    assert.deepEqual(await store.identityOf('one'), { role: 'learner', learner: 'ada0' });
    assert.deepEqual(await store.identityOf('two'), { role: 'instructor' });
    assert.equal(await store.identityOf('three'), null);
    await store.removeOldAuthSessions(20);
    assert.equal(await store.identityOf('one'), null);
    await store.removeAuthSession('two');
    assert.equal(await store.identityOf('two'), null);
    await store.setKey('ada0', 'key');
    assert.equal(await store.learnerByKey('key'), 'ada0');
    assert.equal(await store.learnerByKey('other'), null);
  });

  withStore('progress is written over, and is there for the next server', async (store, reopen) => {
    await store.addLearner(ada);
    await store.saveExercise('ada0', exercise);
    const passed = { ...exercise, passedAtMs: 1_700_000_000_123, solvedBy: 'shown' as const, revision: 'r1' };
    await store.saveExercise('ada0', passed);
    const failed = {
      exercise: 'retry',
      check: { id: 'c', title: 'C', state: 'failed' as const, expected: '3', found: '0' },
      atMs: 1,
    };
    const fine = {
      exercise: 'retry',
      check: { id: 'c', title: 'C', state: 'passed' as const },
      atMs: 1_700_000_000_124,
    };
    await store.saveChecks('ada0', [failed]);
    assert.deepEqual(await store.checks('ada0'), [failed]);
    await store.saveChecks('ada0', [fine]);
    await store.saveChecks('ada0', []);
    const next = await reopen();
    assert.deepEqual(await next.exercises('ada0'), [passed]);
    assert.deepEqual(await next.checks('ada0'), [fine]);
  });

  withStore('the newest hundred messages and the slide are kept', async store => {
    for (let index = 0; index < 103; index++)
      await store.addMessage({ id: `m${index}`, text: `${index}`, atMs: index });
    const messages = await store.messages();
    assert.deepEqual([messages.length, messages[0]?.text, messages.at(-1)?.text], [100, '3', '102']);
    assert.equal(await store.followSlide(), null);
    await store.setFollowSlide('retries');
    await store.setFollowSlide('timeouts');
    assert.equal(await store.followSlide(), 'timeouts');
  });

  withStore('a learner has one sandbox', async store => {
    await store.addLearner(ada);
    const record = { learner: 'ada0', id: 'one', home: 'ada0', provider: 'local', createdAtMs: 1, expiresAtMs: null };
    await store.saveSandbox(record);
    await store.saveSandbox({ ...record, id: 'two', expiresAtMs: 9 });
    assert.deepEqual(await store.sandboxes(), [{ ...record, id: 'two', expiresAtMs: 9 }]);
    await store.removeSandbox('one');
    assert.equal((await store.sandboxes()).length, 1);
    await store.removeSandbox('two');
    assert.deepEqual(await store.sandboxes(), []);
  });

  withStore('checks are claimed by one server until the lease ends', async (store, reopen) => {
    await store.addLearner(ada);
    const other = await reopen();
    assert.equal(await store.claimChecks('ada0', 'one', 100, 200), true);
    assert.equal(await other.claimChecks('ada0', 'two', 150, 250), false);
    assert.equal(await store.claimChecks('ada0', 'one', 150, 260), true, 'whoever holds it may prolong it');
    await other.releaseChecks('ada0', 'two');
    assert.equal(await other.claimChecks('ada0', 'two', 259, 300), false);
    assert.equal(await other.claimChecks('ada0', 'two', 260, 300), true);
    await other.releaseChecks('ada0', 'two');
    assert.equal(await store.claimChecks('ada0', 'one', 261, 300), true);
  });

  withStore('many writes at once, from two servers', async (store, reopen) => {
    await store.addLearner(ada);
    const other = await reopen();
    const writes = Array.from({ length: 200 }, (_, index) =>
      (index % 2 ? store : other).saveExercise('ada0', { ...exercise, exercise: `e${index}` }),
    );
    await Promise.all(writes);
    assert.equal((await store.exercises('ada0')).length, 200);
  });
}
