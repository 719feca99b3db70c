/** What an instructor sets a class up as, and what comes of it. */
import assert from 'node:assert/strict';
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ClassPlan, Me, WorkshopOutline } from '../../server/api.ts';
import { FakeProvider } from './fake-provider.ts';
import { assertRefused, Browser, instructor, joined, ready, startServer, stateOf, temporaryFolder } from './harness.ts';

const open: ClassPlan = { size: null, startsAtMs: null, deletesAtMs: null };
const hour = 3_600_000;

test('a plan is told to everybody, kept over a restart, and refused where it cannot be meant', async context => {
  const data = await temporaryFolder(context);
  const server = await startServer(context, { data });
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  const before = (await room.until('class')).class;
  assert.deepEqual([before.plan, before.content.kept, before.maximumSandboxes], [open, false, 100]);
  const learner = await joined(server, 'Ada');
  const events = await learner.events(context);
  const plan = { size: 30, startsAtMs: Date.now() + hour, deletesAtMs: Date.now() + 2 * hour };
  assert.equal((await teacher.post('/api/instructor/class/plan', plan)).status, 204);
  await room.until('class', state => state.class.plan.size === 30);
  await events.until('deletes-at', ({ atMs }) => atMs === plan.deletesAtMs);
  assert.equal((await stateOf(context, learner)).deletesAtMs, plan.deletesAtMs);
  assert.equal((await new Browser(server.origin).get<Me>('/api/me')).body.startsAtMs, plan.startsAtMs);
  const refused = async (change: object, path = '/api/instructor/class/plan') =>
    assertRefused(await teacher.post(path, { ...plan, ...change }), 400, 'invalid');
  await refused({ size: 0 });
  await refused({ size: 1.5 });
  await refused({ size: '30' });
  await refused({ startsAtMs: Date.now() + 3 * 365 * 24 * hour });
  await refused({ deletesAtMs: Date.now() - 1 });
  await refused({ deletesAtMs: plan.startsAtMs });
  await refused({ other: 1 });
  await refused({}, '/api/instructor/class/content');
  for (const path of ['plan', 'code', 'content'])
    assertRefused(await learner.post(`/api/instructor/class/${path}`, plan), 401, 'not-signed-in');
  await server.running.close(false);
  const again = await startServer(context, { data });
  const state = await (await instructor(again)).instructorEvents(context);
  assert.deepEqual((await state.until('class')).class.plan, plan);
});

test('a new code lets people in, the old one does not, and who has joined stays', async context => {
  const data = await temporaryFolder(context);
  const server = await startServer(context, { data });
  const ada = await joined(server, 'Ada');
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  assert.equal((await teacher.post('/api/instructor/class/code')).status, 204);
  const { code, joinUrl } = (await room.until('class', state => state.class.code !== server.code)).class;
  assert.match(code, /^\w{5}-\w{5}$/);
  assert.ok(joinUrl.endsWith(`#code=${code}`));
  const grace = new Browser(server.origin);
  assertRefused(await grace.post('/api/join', { code: server.code, name: 'Grace' }), 403, 'wrong-code');
  assert.equal((await grace.post('/api/join', { code, name: 'Grace' })).status, 200);
  assert.equal((await ada.get<Me>('/api/me')).body.name, 'Ada');
  await server.running.close(false);
  assert.equal((await startServer(context, { data })).code, code, 'after a restart');
});

test('a class that began goes on with the lessons that it began with, until it is told to take others', async context => {
  const data = await temporaryFolder(context);
  const labs = join(await temporaryFolder(context), 'labs');
  await cp(new URL('../../labs', import.meta.url), labs, { recursive: true });
  const restart = async () => {
    const server = await startServer(context, { data, labs, logLevel: 'error' });
    const teacher = await instructor(server);
    const room = await teacher.instructorEvents(context);
    const { content } = (await room.until('class')).class;
    const { revision } = (await teacher.get<WorkshopOutline>('/api/workshop')).body;
    assert.equal(revision, content.revision, 'what is told is what is shown');
    return { server, teacher, room, content };
  };
  const first = await restart();
  await first.teacher.post('/api/instructor/class/plan', { ...open, startsAtMs: Date.now() - 1000 });
  await first.room.until('class', state => state.class.content.kept);
  await first.server.running.close(false);
  await appendFile(join(labs, 'lessons/2.1-httpbin/lesson.md'), '\nA new sentence.\n');

  const second = await restart();
  assert.equal(second.content.revision, first.content.revision);
  assert.notEqual(second.content.newest, first.content.revision);
  const { body } = await second.teacher.get<{ html: string }>('/api/lessons/2.1');
  assert.doesNotMatch(body.html, /A new sentence/);
  // Another size is no other content.
  await second.teacher.post('/api/instructor/class/plan', { ...open, size: 9, startsAtMs: Date.now() - 1000 });
  assert.equal((await second.room.until('class', state => state.class.plan.size === 9)).class.content.kept, true);
  assert.equal((await second.teacher.post('/api/instructor/class/content')).status, 204);
  await second.room.until('class', state => !state.class.content.kept);
  await second.server.running.close(false);

  const third = await restart();
  assert.equal(third.content.revision, second.content.newest);
  assert.match((await third.teacher.get<{ html: string }>('/api/lessons/2.1')).body.html, /A new sentence/);
  await third.room.until('class', state => state.class.content.kept);
});

test('lessons that are changed on disk between the setting up of a class and its start are not in it', async context => {
  const data = await temporaryFolder(context);
  const labs = join(await temporaryFolder(context), 'labs');
  await cp(new URL('../../labs', import.meta.url), labs, { recursive: true });
  const server = await startServer(context, { data, labs });
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  const { revision } = (await room.until('class')).class.content;
  await teacher.post('/api/instructor/class/plan', { ...open, startsAtMs: Date.now() + 1000 });
  await appendFile(join(labs, 'lessons/2.1-httpbin/lesson.md'), '\nA new sentence.\n');
  await room.until('class', state => state.class.content.kept);
  await server.running.close(false);
  const again = await startServer(context, { data, labs });
  const state = await (await instructor(again)).instructorEvents(context);
  const { content } = (await state.until('class')).class;
  assert.deepEqual([content.revision, content.kept], [revision, true]);
  assert.notEqual(content.newest, revision);
});

/** Does not let homes go at first. */
class ReluctantProvider extends FakeProvider {
  away = true;
  readonly tried = Promise.withResolvers<void>();
  readonly gone = Promise.withResolvers<void>();

  override async removeHome(home: string): Promise<void> {
    this.tried.resolve();
    if (this.away) throw new Error('not now');
    await super.removeHome(home);
    this.gone.resolve();
  }
}

test('on its date all that learners made and did is deleted; what cannot be deleted is tried again', async context => {
  const provider = new ReluctantProvider();
  const server = await startServer(context, { logLevel: 'error' }, provider);
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  const ada = await ready(context, server, 'Ada');
  const grace = await joined(server, 'Grace');
  await teacher.post('/api/instructor/message', { text: 'Welcome' });
  assert.equal(
    (await teacher.post('/api/instructor/class/plan', { ...open, deletesAtMs: Date.now() + 300 })).status,
    204,
  );
  await provider.tried.promise;
  await ada.events.until('signed-out');
  assert.deepEqual(provider.living(), []);
  room.forget();
  // Whose files are still there is still a learner.
  await room.until('learner', ({ learner }) => learner.name === 'Ada');
  provider.away = false;
  const { class: after } = await room.until('class', state => state.class.learners.length === 0);
  assert.deepEqual([after.plan, after.messages, after.followSlide], [open, [], null]);
  assert.notEqual(after.code, server.code);
  assert.equal(provider.removedHomes.length, 2);
  for (const browser of [ada.browser, grace])
    assertRefused(await browser.post('/api/sandbox/start'), 401, 'not-signed-in');
  const next = new Browser(server.origin);
  assert.equal((await next.post('/api/join', { code: after.code, name: 'Ada' })).status, 200, 'the next class');
});

test('an instructor ends a class at once, whatever its date; nobody else does', async context => {
  const server = await startServer(context);
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  const ada = await ready(context, server, 'Ada');
  await teacher.post('/api/instructor/class/plan', { size: 9, startsAtMs: null, deletesAtMs: Date.now() + hour });
  assertRefused(await ada.browser.post('/api/instructor/class/end'), 401, 'not-signed-in');
  assert.equal(server.provider.living().length, 1);
  assert.equal((await teacher.post('/api/instructor/class/end')).status, 204);
  await ada.events.until('signed-out');
  const { class: after } = await room.until('class', state => state.class.code !== server.code);
  assert.deepEqual([after.plan, after.learners], [open, []]);
  assert.deepEqual([server.provider.living(), server.provider.removedHomes], [[], [ada.id]]);
});

test('one whose home cannot be removed keeps nobody else from being deleted', async context => {
  const stuck = Promise.withResolvers<string>();
  class Provider extends FakeProvider {
    readonly kept = new Set<string>();
    override async removeHome(home: string): Promise<void> {
      if (this.kept.has(home)) {
        stuck.resolve(home);
        throw new Error('not now');
      }
      await super.removeHome(home);
    }
  }
  const provider = new Provider();
  const server = await startServer(context, { logLevel: 'error' }, provider);
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  await ready(context, server, 'Ada');
  for (const { home } of provider.living()) provider.kept.add(home);
  const grace = await ready(context, server, 'Grace');
  await teacher.post('/api/instructor/class/plan', { ...open, deletesAtMs: Date.now() + 300 });
  await stuck.promise;
  await grace.events.until('signed-out');
  assert.equal(provider.removedHomes.length, 1);
  provider.kept.clear();
  const { class: after } = await room.until('class', state => state.class.learners.length === 0);
  assert.deepEqual(after.plan, open);
});

/** The value of the metric of what did not go. */
async function hanging({ origin }: { origin: string }): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  return Number(/^unicorn_hanging_sandboxes (\d+)$/m.exec(metrics)?.[1]);
}

test('a learner whose home does not go is still one, told of in the metrics, and removed when it goes', async context => {
  const provider = new ReluctantProvider();
  const server = await startServer(context, { logLevel: 'error' }, provider, [20]);
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  const ada = await ready(context, server, 'Ada');
  assertRefused(await teacher.post(`/api/instructor/learners/${ada.id}/remove`), 500, 'internal');
  await room.until('learner', ({ learner }) => learner.name === 'Ada');
  assert.equal(await hanging(server), 1);
  room.forget();
  provider.away = false;
  await room.until('learner-removed', ({ id }) => id === ada.id);
  await provider.gone.promise;
  assert.deepEqual(provider.removedHomes, [ada.id]);
  assertRefused(await ada.browser.post('/api/sandbox/start'), 401, 'not-signed-in');
});

test('homes that no learner has any more are removed at the start, and those that others have are not', async context => {
  class Provider extends ReluctantProvider {
    left: string[] = [];
    async homes(): Promise<string[]> {
      return this.left;
    }
  }
  const data = await temporaryFolder(context);
  const first = await startServer(context, { data });
  const ada = await ready(context, first, 'Ada');
  const grace = await joined(first, 'Grace');
  const { id } = await stateOf(context, grace);
  await first.running.close(false);
  const provider = new Provider();
  provider.left = [ada.sandbox.home, id, 'nobodyshome'];
  const second = await startServer(context, { data, logLevel: 'error' }, provider, [20]);
  await second.running.report;
  await provider.tried.promise;
  assert.deepEqual(provider.removedHomes, []);
  assert.equal(await hanging(second), 1);
  provider.away = false;
  await provider.gone.promise;
  assert.deepEqual(provider.removedHomes, ['nobodyshome']);
});

test('a database that knows nobody deletes no homes: it may be the wrong one', async context => {
  const asked = Promise.withResolvers<void>();
  class Provider extends FakeProvider {
    async homes(): Promise<string[]> {
      asked.resolve();
      return ['somebodyshome'];
    }
  }
  const provider = new Provider();
  const server = await startServer(context, { logLevel: 'error' }, provider);
  await asked.promise;
  await server.running.report;
  assert.deepEqual(provider.removedHomes, []);
});
