import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalProvider } from '../../server/providers/local/provider.ts';
import type { Sandbox, SandboxRequest, TellProgress } from '../../server/providers/provider.ts';
import { creationsAtOnce } from '../../server/sessions/limits.ts';
import { atEnd } from './at-end.ts';
import { FakeProvider, type FakeSandbox } from './fake-provider.ts';
import { Browser, instructor, joined, ready, startServer, stateOf, temporaryFolder } from './harness.ts';
import { start } from './process.ts';

/** Tells when one was made; makes them only when it is let. */
class WatchedProvider extends FakeProvider {
  making = 0;
  most = 0;
  gate: Promise<void> = Promise.resolve();
  readonly #looks = new Set<() => void>();

  override async create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox> {
    this.making++;
    this.most = Math.max(this.most, this.making);
    this.#look();
    await this.gate;
    const sandbox = await super.create(request, progress);
    this.making--;
    setImmediate(() => this.#look());
    const end = sandbox.end.bind(sandbox);
    sandbox.end = async () => {
      await end();
      this.#look();
    };
    return sandbox;
  }

  /** Resolves once it holds. */
  async until(holds: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('it did not come')), 20_000);
    const look = () => holds() && resolve();
    this.#looks.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      this.#looks.delete(look);
    });
  }

  #look(): void {
    for (const look of this.#looks) look();
  }
}

/** A server whose pool is full. */
async function warmServer(context: TestContext, settings: Parameters<typeof startServer>[1] = {}, size = 2) {
  const provider = new WatchedProvider();
  const server = await startServer(context, { warm: 2, ...settings }, provider);
  await provider.until(() => provider.living().length === size && provider.making === 0);
  await spares(server.origin, size);
  return { server, provider, waiting: provider.living() };
}

/** Waits until so many wait at this server, by asking it now and then. */
async function spares(origin: string, count: number): Promise<void> {
  const until = Date.now() + 60_000;
  while (!(await (await fetch(`${origin}/metrics`)).text()).includes(`\nunicorn_spare_sandboxes ${count}\n`)) {
    assert.ok(Date.now() < until, `there are no ${count} that wait`);
    await delay(30);
  }
}

/** A learner who has got a sandbox that may have been there before. */
async function served(context: TestContext, server: Awaited<ReturnType<typeof startServer>>, name: string) {
  const browser = await joined(server, name);
  const events = await browser.events(context);
  await browser.post('/api/sandbox/start');
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  return { browser, events, id: (await events.until('state')).state.id };
}

test('learners get sandboxes that wait, each another one, and more are made', async context => {
  const { server, provider, waiting } = await warmServer(context);
  const people = await Promise.all(['Ada', 'Bob', 'Cy'].map(name => served(context, server, name)));
  await spares(server.origin, 2);
  assert.equal(provider.living().length, 5);
  const ids = new Set(provider.living().map(({ id }) => id));
  for (const { id } of waiting) assert.ok(ids.has(id));
  // Who came third found one that was made meanwhile, or had one made: nobody shares.
  for (const { browser } of people)
    await browser.send('PUT', '/api/files?path=whose', { content: browser.cookie, modifiedMs: null });
  const owners = provider.living().flatMap(({ files }) => files.get('whose')?.content ?? []);
  assert.deepEqual(owners.sort(), people.map(({ browser }) => browser.cookie).sort());
});

test('before a class starts a sandbox waits for each of its learners; who has come needs none more', async context => {
  const { server, provider } = await warmServer(context, { warm: 1, maximumSandboxes: 4 }, 1);
  const teacher = await instructor(server);
  const plan = async (size: number, startsInMs: number) => {
    const body = { size, startsAtMs: Date.now() + startsInMs, deletesAtMs: null };
    assert.equal((await teacher.post('/api/instructor/class/plan', body)).status, 204);
  };
  const hour = 3_600_000;
  await plan(3, 60_000);
  await spares(server.origin, 3);
  await served(context, server, 'Ada');
  await spares(server.origin, 2);
  assert.equal(provider.living().length, 3);
  await plan(30, 60_000);
  await spares(server.origin, 3);
  assert.equal(provider.living().length, 4, 'no more than may run');
  // It was put off.
  await plan(30, hour);
  await spares(server.origin, 1);
  await provider.until(() => provider.living().length === 2);
});

test('the home of the sandbox is the home of its learner from then on, and goes with them', async context => {
  const { server, provider, waiting } = await warmServer(context);
  const ada = await served(context, server, 'Ada');
  const teacher = await instructor(server);
  await teacher.post(`/api/instructor/learners/${ada.id}/end`);
  await ada.events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ended');
  ada.events.forget();
  await ada.browser.post('/api/sandbox/start');
  await ada.events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  const [first] = waiting;
  const hers = provider.living().filter(({ home }) => home === first?.home);
  assert.equal(hers.length, 1, 'a new sandbox on the same home');
  assert.notEqual(hers[0]?.id, first?.id);
  await teacher.post(`/api/instructor/learners/${ada.id}/remove`);
  assert.ok(provider.removedHomes.includes(first!.home));
});

test('places are for learners first: who needs one of their own takes that of a spare', async context => {
  const data = await temporaryFolder(context);
  const cold = await startServer(context, { data }, new FakeProvider());
  const ada = await ready(context, cold, 'Ada');
  await cold.running.close(false);
  const { server, provider } = await warmServer(context, { data, port: cold.running.port, maximumSandboxes: 2 });
  const events = await ada.browser.events(context);
  await ada.browser.post('/api/sandbox/start');
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  assert.equal(provider.living().filter(({ home }) => home === ada.id).length, 1);
  await spares(server.origin, 1);
  assert.equal(provider.living().length, 2);
});

test('those that wait outlive a restart, unless it is told to keep fewer; an end leaves nothing', async context => {
  const data = await temporaryFolder(context);
  const { server, provider, waiting } = await warmServer(context, { data });
  await server.running.close(true);
  assert.deepEqual(provider.living(), waiting);
  const second = await startServer(context, { data, warm: 1 }, provider);
  await second.running.report;
  await provider.until(() => provider.living().length === 1);
  await spares(second.origin, 1);
  const [kept] = provider.living();
  assert.ok(kept && waiting.includes(kept));
  await served(context, second, 'Ada');
  assert.equal(kept.ended, false);
  await second.running.close(false);
  assert.deepEqual(provider.living(), []);
  assert.ok(waiting.every(({ home }) => home === kept.home || provider.removedHomes.includes(home)));
  assert.ok(!provider.removedHomes.includes(kept.home), 'that one is a learner’s');
});

test('one that ends by itself is made again', async context => {
  const { server, provider, waiting } = await warmServer(context);
  const [first] = waiting as FakeSandbox[];
  // It tells nobody but by its connection.
  await first?.end();
  await provider.until(() => provider.removedHomes.includes(first!.home));
  await served(context, server, 'Ada');
  await served(context, server, 'Bob');
  await spares(server.origin, 2);
  assert.equal(provider.living().length, 4);
});

test('of many who come at once, few are served at a time, in order, and each is told the place', async context => {
  const provider = new WatchedProvider();
  const gate = Promise.withResolvers<void>();
  provider.gate = gate.promise;
  const server = await startServer(context, {}, provider);
  atEnd(context, () => gate.resolve());
  const most = creationsAtOnce('local');
  const people = [];
  for (let index = 0; index < most + 3; index++) {
    const browser = await joined(server, `L${index}`);
    const events = await browser.events(context);
    await browser.post('/api/sandbox/start');
    people.push({ browser, events });
    await events.until('sandbox', ({ sandbox }) =>
      index < most ? sandbox.phase === 'starting' : sandbox.phase === 'queued' && sandbox.place === index - most + 1,
    );
  }
  await provider.until(() => provider.making === most);
  gate.resolve();
  for (const { events } of people) await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  assert.equal(provider.most, most);
  const ids = await Promise.all(people.map(async ({ browser }) => (await stateOf(context, browser)).id));
  assert.deepEqual(
    provider.living().map(({ home }) => home),
    ids,
  );
});

test('real sandboxes wait, are given, outlive a restart, and SIGINT leaves nothing', async context => {
  const data = await temporaryFolder(context);
  const report = await new LocalProvider({ data }).probe();
  if (!report.usable || report.maximumSandboxes < 2)
    return context.skip('this machine has no two local sandboxes at once');
  const args = ['--json', '--data', data, '--warm', '1', '--class'];
  const first = start(context, [...args, '--port', '0']);
  const { learner } = await first.addresses();
  await spares(learner.origin, 1);
  const before = await new LocalProvider({ data }).find();
  assert.equal(before.length, 1);
  await first.kill('SIGTERM');
  const second = start(context, [...args, '--port', learner.port]);
  const { learner: again } = await second.addresses();
  await spares(again.origin, 1);
  assert.deepEqual(
    (await new LocalProvider({ data }).find()).map(({ id }) => id),
    [before[0]?.id],
  );
  const browser = new Browser(again.origin);
  await browser.post('/api/join', { code: again.hash.slice('#code='.length), name: 'Ada' });
  const events = await browser.events(context);
  await browser.post('/api/sandbox/start');
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  const written = await browser.send('PUT', '/api/files?path=hello', { content: 'hi', modifiedMs: null });
  assert.equal(written.status, 200, written.text);
  const ids = (await new LocalProvider({ data }).find()).map(({ id }) => id);
  assert.ok(before[0] && ids.includes(before[0].id), 'it got the one that waited');
  await second.kill('SIGINT');
  assert.deepEqual(await readdir(join(data, 'sandboxes')), []);
  assert.equal((await readdir(join(data, 'homes'))).length, 1, 'the home of Ada alone');
  assert.deepEqual(await new LocalProvider({ data }).find(), []);
});
