import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ada, emptyPostgres, testStore, withoutPostgres } from '../../test/fixtures/stores.ts';
import type { LearnerRow } from '../api.ts';
import { openDatabase } from './database.ts';
import { openStore } from './kysely-store.ts';
import type { ExerciseRecord, LearnerRecord } from './store.ts';

const bob: LearnerRecord = { ...ada, id: 'bob0', name: 'Bob', joinedAtMs: 1_700_000_000_001 };
const exercise: ExerciseRecord = {
  ...{ exercise: 'retry', openedAtMs: 7, passedAtMs: null, failures: 2, hints: 1, solutionShown: true },
  ...{ solvedBy: null, answer: '42', revision: null },
};

testStore('learners keep what was stored; names are unique without regard to case', async ({ store }) => {
  assert.equal(await store.addLearner(ada), true);
  assert.equal(await store.addLearner(bob), true);
  assert.equal(await store.addLearner({ ...ada, id: 'other', name: 'aDA' }), false);
  await store.setLesson('ada0', '2.3');
  await store.setLastSeen('ada0', 1_700_000_000_009);
  const expected = [{ ...ada, lesson: '2.3', lastSeenAtMs: 1_700_000_000_009 }, bob];
  assert.deepEqual(await store.learners(), expected);
});

testStore('a spare goes to one learner, who has no home yet, together with its home', async ({ store, another }) => {
  const other = await another();
  const record = { id: 'spare0', home: 'home0', holder: 'server0', createdAtMs: 3 };
  for (const learner of [ada, bob]) await store.addLearner(learner);
  await store.spares.save(record);
  assert.deepEqual(await other.spares.all(), [record]);
  const got = await Promise.all([
    store.spares.claim('spare0', 'ada0', 'local'),
    other.spares.claim('spare0', 'bob0', 'local'),
  ]);
  assert.deepEqual([...got].sort(), [false, true]);
  const [winner, loser] = got[0] ? ['ada0', 'bob0'] : ['bob0', 'ada0'];
  assert.deepEqual([(await store.learner(winner))?.home, (await store.learner(loser))?.home], ['home0', null]);
  const taken = {
    learner: winner,
    id: 'spare0',
    home: 'home0',
    provider: 'local',
    createdAtMs: 3,
    expiresAtMs: null,
  };
  assert.deepEqual(await store.sandboxes(), [taken]);
  assert.deepEqual(await store.spares.all(), []);
  await store.spares.save({ ...record, id: 'spare1', home: 'home1' });
  assert.equal(await store.spares.claim('spare1', winner, 'local'), false);
  assert.equal((await store.learner(winner))?.home, 'home0');
  assert.equal((await store.spares.all()).length, 1);
  await store.spares.remove('spare1');
  assert.deepEqual(await store.spares.all(), []);
});

testStore('a removed learner leaves nothing, and the name is free', async ({ store }) => {
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

testStore('sessions and keys are found by their hashes alone', async ({ store }) => {
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
  assert.equal(await store.learnerBySubject('issuer ada'), null);
  assert.equal(await store.setSubject('issuer ada', 'ada0'), 'ada0');
  assert.equal(await store.setSubject('issuer ada', 'ada0'), 'ada0');
  assert.equal(await store.learnerBySubject('issuer ada'), 'ada0');
  await store.removeLearner('ada0');
  assert.equal(await store.learnerBySubject('issuer ada'), null, 'with the learner');
});

testStore('progress is written over, and is there for the next server', async ({ store, reopen }) => {
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

testStore('the newest hundred messages and the slide are kept', async ({ store }) => {
  for (let index = 0; index < 103; index++) await store.addMessage({ id: `m${index}`, text: `${index}`, atMs: index });
  const messages = await store.messages();
  assert.deepEqual([messages.length, messages[0]?.text, messages.at(-1)?.text], [100, '3', '102']);
  assert.equal(await store.followSlide(), null);
  await store.setFollowSlide('retries');
  await store.setFollowSlide('timeouts');
  assert.equal(await store.followSlide(), 'timeouts');
});

testStore('a learner has one sandbox', async ({ store }) => {
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

testStore('checks are claimed by one server until the lease ends', async ({ store, reopen }) => {
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

testStore('many writes at once, from two servers', async ({ store, reopen }) => {
  await store.addLearner(ada);
  const other = await reopen();
  const writes = Array.from({ length: 200 }, (_, index) =>
    (index % 2 ? store : other).saveExercise('ada0', { ...exercise, exercise: `e${index}` }),
  );
  await Promise.all(writes);
  assert.equal((await store.exercises('ada0')).length, 200);
});

testStore('of two who join by one name at once, one has it', async ({ store, reopen }) => {
  const other = await reopen();
  const tries = Array.from({ length: 20 }, (_, index) =>
    (index % 2 ? store : other).addLearner({ ...ada, id: `id${index}`, name: index % 3 ? 'ADA' : 'Ada' }),
  );
  assert.equal((await Promise.all(tries)).filter(added => added).length, 1);
  assert.equal((await store.learners()).length, 1);
});

testStore('of many who claim the checks at once, one has them', async ({ store, reopen }) => {
  await store.addLearner(ada);
  const other = await reopen();
  const claims = Array.from({ length: 20 }, (_, index) =>
    (index % 2 ? store : other).claimChecks('ada0', `server${index}`, 100, 200),
  );
  assert.equal((await Promise.all(claims)).filter(claimed => claimed).length, 1);
});

testStore('texts keep what people type', async ({ store }) => {
  const name = 'Zoë 👩‍💻 "O\'Brien" \\ ü';
  await store.addLearner({ ...ada, name });
  await store.saveExercise('ada0', { ...exercise, answer: 'a\0b\n\ttrue\ud83d\ude00' });
  const check = { id: 'c', title: 'C', state: 'failed' as const, found: 'NUL \0, half \ud83d, {"a": [1]}' };
  await store.saveChecks('ada0', [{ exercise: 'retry', check, atMs: 2 ** 52 + 1 }]);
  assert.equal((await store.learner('ada0'))?.name, name);
  assert.equal((await store.exercises('ada0'))[0]?.answer, 'ab\n\ttrue\ud83d\ude00');
  assert.deepEqual(await store.checks('ada0'), [{ exercise: 'retry', check, atMs: 2 ** 52 + 1 }]);
});

testStore('secrets are made once, whoever comes first', async ({ store, reopen }) => {
  const other = await reopen();
  const [one, two] = await Promise.all([store.secrets({ a: 'one', b: 'x' }), other.secrets({ a: 'two', b: 'y' })]);
  assert.deepEqual(one, two);
  assert.deepEqual(await store.secrets({ a: 'three', c: 'z' }), { a: one.a, c: 'z' });
});

testStore('a session lives in one replica, until that one is buried', async ({ store, reopen }) => {
  const { replicas } = store;
  const { replicas: others } = await reopen();
  await store.addLearner(ada);
  assert.equal(await replicas.takeSession('ada0', 'one'), false, 'it is not registered');
  await replicas.register('one', 'host:1', 60_000);
  await others.register('two', 'host:2', 60_000);
  const taken = await Promise.all([replicas.takeSession('ada0', 'one'), others.takeSession('ada0', 'two')]);
  assert.equal(taken.filter(Boolean).length, 1);
  const holder = await replicas.holderOf('ada0');
  assert.ok(holder && !holder.expired);
  assert.equal(holder.id, taken[0] ? 'one' : 'two');
  assert.equal(await replicas.takeSession('ada0', holder.id), true, 'whoever has it keeps it');
  await store.claimChecks('ada0', holder.id, 100, 200);
  assert.equal(await others.bury(holder.id, holder.untilMs - 1), false, 'it has renewed since');
  assert.equal(await others.bury(holder.id, holder.untilMs), true);
  assert.equal(await replicas.renew(holder.id, 60_000), false);
  assert.equal(await replicas.holderOf('ada0'), null);
  assert.equal(await replicas.takeSession('ada0', holder.id), false);
  const next = holder.id === 'one' ? 'two' : 'one';
  assert.equal(await replicas.takeSession('ada0', next), true);
  assert.equal(await store.claimChecks('ada0', next, 100, 200), true, 'the checks are free with it');
  assert.equal(await replicas.takeSession('gone', next), false);
});

testStore('a replica is expired by the clock of the database', async ({ store }) => {
  await store.replicas.register('one', 'host:1', 60_000);
  await store.replicas.register('two', 'host:2', 0);
  const states = async () => (await store.replicas.replicas()).map(({ id, expired }) => `${id} ${expired}`).sort();
  assert.deepEqual(await states(), ['one false', 'two true']);
  assert.equal(await store.replicas.renew('two', 60_000), true);
  assert.deepEqual(await states(), ['one false', 'two false']);
  const [first] = await store.replicas.replicas();
  assert.ok(Math.abs((first?.untilMs ?? 0) - Date.now() - 60_000) < 30_000, 'in milliseconds');
});

testStore('sandboxes that nobody looks after are found', async ({ store }) => {
  await store.addLearner(ada);
  const record = { learner: 'ada0', id: 'one', home: 'ada0', provider: 'local', createdAtMs: 1, expiresAtMs: null };
  await store.saveSandbox(record);
  assert.deepEqual(await store.replicas.abandoned(), ['ada0']);
  await store.replicas.register('one', 'host:1', 60_000);
  await store.replicas.takeSession('ada0', 'one');
  assert.deepEqual(await store.replicas.abandoned(), []);
  assert.deepEqual(await store.sandboxOf('ada0'), record);
  await store.replicas.bury('one');
  assert.deepEqual(await store.replicas.abandoned(), ['ada0']);
});

testStore('rows of the map are kept for learners that are there', async ({ store }) => {
  await store.addLearner(ada);
  const row = { id: 'ada0', name: 'Ada', online: true } as LearnerRow;
  await store.replicas.saveRows([row, { ...row, id: 'gone' }]);
  await store.replicas.saveRows([{ ...row, online: false }]);
  assert.deepEqual(await store.replicas.rows(), [{ ...row, online: false }]);
  assert.deepEqual(await store.replicas.rows(['gone']), []);
  await store.removeLearner('ada0');
  assert.deepEqual(await store.replicas.rows(), []);
});

test('PostgreSQL: servers that start at once agree on the tables', { skip: withoutPostgres }, async () => {
  const url = await emptyPostgres();
  const openings = Array.from({ length: 6 }, async () => openStore(await openDatabase(url, '')));
  const stores = await Promise.allSettled(openings);
  for (const result of stores) if (result.status === 'fulfilled') await result.value.close();
  assert.deepEqual(
    stores.map(({ status }) => status),
    stores.map(() => 'fulfilled'),
  );
});
