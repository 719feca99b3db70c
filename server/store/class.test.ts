/** What the store knows of a class as a whole, and of its sandboxes. */
import assert from 'node:assert/strict';
import { ada, testStore } from '../../test/fixtures/stores.ts';

testStore('a class has a plan; its content is kept once, until it is released', async ({ store, another }) => {
  const open = { size: null, startsAtMs: null, deletesAtMs: null };
  assert.deepEqual(await store.class.plan(), { plan: open, revision: null });
  const plan = { size: 30, startsAtMs: 2 ** 41, deletesAtMs: 2 ** 42 };
  await store.class.setPlan(plan);
  await store.setFollowSlide('retries');
  const other = await another();
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

testStore('the end of a class comes once, at its time alone', async ({ store, another }) => {
  await store.secrets({ classCode: 'old' });
  await store.class.setPlan({ size: 30, startsAtMs: 5, deletesAtMs: 7 });
  await store.class.keepContent('r1', 'one');
  await store.addMessage({ id: 'm', text: 'Hello', atMs: 1 });
  assert.equal(await store.class.end(6, { classCode: 'new' }), false);
  assert.equal(await store.class.secret('classCode'), 'old');
  const other = await another();
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

testStore('who asks within one millisecond waits in the order of asking, whatever the names', async ({ store }) => {
  const ids = Array.from({ length: 12 }, (_, index) => `learner${99 - index}`);
  for (const id of ids) await store.addLearner({ ...ada, id, name: id });
  await store.secrets({ replicas: 'secret' });
  await store.replicas.register('one', 'host:1', 60_000);
  const record = { provider: 'local', createdAtMs: 1, expiresAtMs: null };
  const ask = (id: string) => store.places.ask({ ...record, learner: id, id: `box-${id}`, home: id }, 'one', 0);
  const places: (number | null)[] = [];
  for (const id of ids) places.push(await ask(id));
  assert.deepEqual(
    places,
    ids.map((_, index) => index + 1),
  );
  assert.deepEqual((await store.places.state()).queue, ids);
});

testStore("a sandbox that becomes a learner's holds its place all the while", async ({ store, another }) => {
  await store.secrets({ replicas: 'secret' });
  const other = await another();
  for (let turn = 0; turn < 60; turn++) {
    const [id, learner] = [`box${turn}`, `learner${turn}`];
    await store.addLearner({ ...ada, id: learner, name: learner, home: null });
    await store.spares.save({ id, home: `home${turn}`, holder: 'one', createdAtMs: 1 });
    const more = { id: 'more', home: 'more', holder: 'two', createdAtMs: 1 };
    const asks = Array.from({ length: 4 }, () => other.places.askForSpare(more, 1));
    const [claimed, ...taken] = await Promise.all([store.spares.claim(id, learner, 'local'), ...asks]);
    assert.deepEqual([claimed, ...taken], [true, false, false, false, false], `turn ${turn}`);
    await store.removeSandbox(id);
  }
});

testStore('places are taken in the order of asking, and never more than there may be', async ({ store }) => {
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
