import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestPostgres, whyNoPostgres } from '../../test/fixtures/postgres.ts';
import type { LearnerRow } from '../api.ts';
import { openDatabase } from './database.ts';
import { openStore } from './kysely-store.ts';
import type { ExerciseRecord, LearnerRecord, Store } from './store.ts';

let postgres: TestPostgres;
const skip = whyNoPostgres() ?? false;
before(async () => {
  if (!skip) postgres = await TestPostgres.make();
});
after(() => postgres?.remove());

/** One suite for every database. `url` is that of an empty one, where it has one. */
const databases: { name: string; skip: string | false; url(): Promise<string | null> }[] = [
  { name: 'SQLite', skip: false, url: async () => null },
  { name: 'PostgreSQL', skip, url: () => postgres.database() },
];

const ada: LearnerRecord = {
  id: 'ada0',
  name: 'Ada',
  joinedAtMs: 1_700_000_000_000,
  lastSeenAtMs: 5,
  lesson: null,
  home: null,
};
const bob: LearnerRecord = { ...ada, id: 'bob0', name: 'Bob', joinedAtMs: 1_700_000_000_001 };
const exercise: ExerciseRecord = {
  ...{ exercise: 'retry', openedAtMs: 7, passedAtMs: null, failures: 2, hints: 1, solutionShown: true },
  ...{ solvedBy: null, answer: '42', revision: null },
};

for (const { name, skip, url } of databases) {
  const withStore = (title: string, work: (store: Store, reopen: () => Promise<Store>) => Promise<void>) =>
    test(`${name}: ${title}`, { skip }, async context => {
      const folder = await mkdtemp(join(tmpdir(), 'us-'));
      const address = await url();
      const stores: Store[] = [];
      const open = async () => {
        const store = await openStore(await openDatabase(address, join(folder, 'store.sqlite')));
        stores.push(store);
        return store;
      };
      context.after(async () => {
        for (const store of stores) await store.close();
        await rm(folder, { recursive: true });
      });
      await work(await open(), open);
    });

  /** Where several servers may share it, as another one has it. */
  const another = async (store: Store, reopen: () => Promise<Store>) => (name === 'SQLite' ? store : reopen());

  withStore('learners keep what was stored; names are unique without regard to case', async store => {
    assert.equal(await store.addLearner(ada), true);
    assert.equal(await store.addLearner(bob), true);
    assert.equal(await store.addLearner({ ...ada, id: 'other', name: 'aDA' }), false);
    await store.setLesson('ada0', '2.3');
    await store.setLastSeen('ada0', 1_700_000_000_009);
    const expected = [{ ...ada, lesson: '2.3', lastSeenAtMs: 1_700_000_000_009 }, bob];
    assert.deepEqual(await store.learners(), expected);
  });

  withStore('a spare goes to one learner, who has no home yet, together with its home', async (store, reopen) => {
    // On SQLite there is one server only.
    const other = name === 'SQLite' ? store : await reopen();
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
    assert.equal(await store.learnerBySubject('issuer ada'), null);
    assert.equal(await store.setSubject('issuer ada', 'ada0'), 'ada0');
    assert.equal(await store.setSubject('issuer ada', 'ada0'), 'ada0');
    assert.equal(await store.learnerBySubject('issuer ada'), 'ada0');
    await store.removeLearner('ada0');
    assert.equal(await store.learnerBySubject('issuer ada'), null, 'with the learner');
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

  withStore('of two who join by one name at once, one has it', async (store, reopen) => {
    const other = await reopen();
    const tries = Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? store : other).addLearner({ ...ada, id: `id${index}`, name: index % 3 ? 'ADA' : 'Ada' }),
    );
    assert.equal((await Promise.all(tries)).filter(added => added).length, 1);
    assert.equal((await store.learners()).length, 1);
  });

  withStore('of many who claim the checks at once, one has them', async (store, reopen) => {
    await store.addLearner(ada);
    const other = await reopen();
    const claims = Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? store : other).claimChecks('ada0', `server${index}`, 100, 200),
    );
    assert.equal((await Promise.all(claims)).filter(claimed => claimed).length, 1);
  });

  withStore('texts keep what people type', async store => {
    const name = 'Zoë 👩‍💻 "O\'Brien" \\ ü';
    await store.addLearner({ ...ada, name });
    await store.saveExercise('ada0', { ...exercise, answer: 'a\0b\n\ttrue\ud83d\ude00' });
    const check = { id: 'c', title: 'C', state: 'failed' as const, found: 'NUL \0, half \ud83d, {"a": [1]}' };
    await store.saveChecks('ada0', [{ exercise: 'retry', check, atMs: 2 ** 52 + 1 }]);
    assert.equal((await store.learner('ada0'))?.name, name);
    assert.equal((await store.exercises('ada0'))[0]?.answer, 'ab\n\ttrue\ud83d\ude00');
    assert.deepEqual(await store.checks('ada0'), [{ exercise: 'retry', check, atMs: 2 ** 52 + 1 }]);
  });

  withStore('secrets are made once, whoever comes first', async (store, reopen) => {
    const other = await reopen();
    const [one, two] = await Promise.all([store.secrets({ a: 'one', b: 'x' }), other.secrets({ a: 'two', b: 'y' })]);
    assert.deepEqual(one, two);
    assert.deepEqual(await store.secrets({ a: 'three', c: 'z' }), { a: one.a, c: 'z' });
  });

  withStore('a session lives in one replica, until that one is buried', async (store, reopen) => {
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

  withStore('a replica is expired by the clock of the database', async store => {
    await store.replicas.register('one', 'host:1', 60_000);
    await store.replicas.register('two', 'host:2', 0);
    const states = async () => (await store.replicas.replicas()).map(({ id, expired }) => `${id} ${expired}`).sort();
    assert.deepEqual(await states(), ['one false', 'two true']);
    assert.equal(await store.replicas.renew('two', 60_000), true);
    assert.deepEqual(await states(), ['one false', 'two false']);
    const [first] = await store.replicas.replicas();
    assert.ok(Math.abs((first?.untilMs ?? 0) - Date.now() - 60_000) < 30_000, 'in milliseconds');
  });

  withStore('sandboxes that nobody looks after are found', async store => {
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

  withStore('a class has a plan; its content is kept once, until it is released', async (store, reopen) => {
    const open = { size: null, startsAtMs: null, deletesAtMs: null };
    assert.deepEqual(await store.class.plan(), { plan: open, revision: null });
    const plan = { size: 30, startsAtMs: 2 ** 41, deletesAtMs: 2 ** 42 };
    await store.class.setPlan(plan);
    await store.setFollowSlide('retries');
    const other = await another(store, reopen);
    await Promise.all([store.class.keepContent('r1', 'one'), other.class.keepContent('r2', 'two')]);
    const content = await store.class.content();
    assert.ok(content && content.packed === { r1: 'one', r2: 'two' }[content.revision]);
    assert.deepEqual(await other.class.plan(), { plan, revision: content.revision });
    await store.class.keepContent('r3', 'three');
    assert.deepEqual(await store.class.content(), content);
    await store.class.setPlan({ ...plan, size: null });
    assert.deepEqual(await store.class.plan(), { plan: { ...plan, size: null }, revision: content.revision });
    assert.equal(await store.followSlide(), 'retries');
    await store.class.releaseContent();
    assert.equal(await store.class.content(), null);
    await store.class.keepContent('r3', 'three');
    assert.equal((await store.class.content())?.revision, 'r3');
  });

  withStore('the end of a class comes once, at its time alone', async (store, reopen) => {
    await store.secrets({ classCode: 'old' });
    await store.class.setPlan({ size: 30, startsAtMs: 5, deletesAtMs: 7 });
    await store.class.keepContent('r1', 'one');
    await store.addMessage({ id: 'm', text: 'Hello', atMs: 1 });
    assert.equal(await store.class.end(6, { classCode: 'new' }), false);
    assert.equal(await store.class.secret('classCode'), 'old');
    const other = await another(store, reopen);
    const ends = await Promise.all([
      store.class.end(7, { classCode: 'one' }),
      other.class.end(7, { classCode: 'other' }),
    ]);
    assert.deepEqual(ends.toSorted(), [false, true]);
    assert.equal(await store.class.secret('classCode'), ends[0] ? 'one' : 'other');
    assert.deepEqual(await store.class.plan(), {
      plan: { size: null, startsAtMs: null, deletesAtMs: null },
      revision: null,
    });
    assert.deepEqual([await store.class.content(), await store.messages()], [null, []]);
  });

  withStore('places are taken in the order of asking, and never more than there may be', async store => {
    const people = Array.from({ length: 12 }, (_, index) => ({ ...ada, id: `learner${index}`, name: `N${index}` }));
    for (const learner of people) await store.addLearner(learner);
    await store.secrets({ replicas: 'secret' });
    await store.replicas.register('one', 'host:1', 60_000);
    await store.replicas.register('two', 'host:2', 60_000);
    const record = (learner: string) => ({
      ...{ learner, id: `box-${learner}`, home: learner, provider: 'local', createdAtMs: 1, expiresAtMs: null },
    });
    const ask = (learner: string, replica = 'one') => store.places.ask(record(learner), replica, 3);
    const ids = people.map(({ id }) => id);
    const answers = await Promise.all(ids.map((id, index) => ask(id, index % 2 ? 'one' : 'two')));
    assert.deepEqual(
      answers.filter(place => place !== null).toSorted((one, other) => one - other),
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    const { used, queue } = await store.places.state();
    assert.deepEqual([used, queue.length], [3, 9]);
    assert.equal((await store.sandboxes()).length, 3);
    assert.equal(await ask(queue[4]!), 5, 'who asks again keeps their place');
    assert.equal(await store.places.askForSpare({ id: 's', home: 'h', holder: 'one', createdAtMs: 1 }, 3), false);
    await store.removeSandbox((await store.sandboxes())[0]!.id);
    assert.equal(await ask(queue[1]!), 2, 'the place is of whoever is first');
    assert.equal(await ask(queue[0]!), null);
    await store.places.leave(queue[1]!);
    await store.removeLearner(queue[2]!);
    assert.deepEqual((await store.places.state()).queue, queue.slice(3));
    // A server that is gone waits for nobody.
    await store.replicas.bury('two');
    const left = (await store.places.state()).queue;
    assert.ok(left.length < 6 && left.every(id => ids.indexOf(id) % 2 === 1 || id === queue[4]));
    await store.replicas.bury('one');
    assert.equal(await store.places.askForSpare({ id: 's', home: 'h', holder: 'one', createdAtMs: 1 }, 3), false);
    assert.equal(await store.places.askForSpare({ id: 's', home: 'h', holder: 'one', createdAtMs: 1 }, 4), true);
    assert.deepEqual(await store.places.state(), { used: 4, queue: [] });
  });

  withStore('rows of the map are kept for learners that are there', async store => {
    await store.addLearner(ada);
    const row = { id: 'ada0', name: 'Ada', online: true } as LearnerRow;
    await store.replicas.saveRows([row, { ...row, id: 'gone' }]);
    await store.replicas.saveRows([{ ...row, online: false }]);
    assert.deepEqual(await store.replicas.rows(), [{ ...row, online: false }]);
    assert.deepEqual(await store.replicas.rows(['gone']), []);
    await store.removeLearner('ada0');
    assert.deepEqual(await store.replicas.rows(), []);
  });
}

test('PostgreSQL: servers that start at once agree on the tables', { skip }, async () => {
  const url = await postgres.database();
  const openings = Array.from({ length: 6 }, async () => openStore(await openDatabase(url, '')));
  const stores = await Promise.allSettled(openings);
  for (const result of stores) if (result.status === 'fulfilled') await result.value.close();
  assert.deepEqual(
    stores.map(({ status }) => status),
    stores.map(() => 'fulfilled'),
  );
});
