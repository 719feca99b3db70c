import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Me } from '../../server/api.ts';
import { atEnd } from '../api/at-end.ts';
import { assertRefused, Browser, instructor, joined, ready, refusalOf, stateOf } from '../api/harness.ts';
import { TestPostgres, whyNoPostgres } from '../fixtures/postgres.ts';
import { twoServers } from './servers.ts';

let postgres: TestPostgres;
const skip = whyNoPostgres() ?? false;
before(async () => {
  if (!skip) postgres = await TestPostgres.make();
});
after(() => postgres?.remove());

test('a learner works through either server; their session lives in one', { skip }, async context => {
  const { a, b, provider } = await twoServers(context, postgres);
  assert.deepEqual([b.code, b.secret], [a.code, a.secret]);
  const { browser, events, sandbox, id } = await ready(context, a, 'Ada');
  const atB = browser.at(b.origin);
  assert.equal((await atB.get<Me>('/api/me')).body.name, 'Ada');
  assert.equal((await atB.post('/api/lessons/2.1/open')).status, 204);
  assert.equal((await atB.post('/api/exercises/httpbin-answers/hint')).status, 204);
  await events.until('exercise', ({ exercise }) => exercise.hintsHtml.length === 1);
  const state = await stateOf(context, atB);
  assert.equal(state.id, id);
  assert.equal(state.sandbox.phase, 'ready');
  assert.equal(state.exercises['httpbin-answers']?.hintsHtml.length, 1);
  const put = { content: 'x'.repeat(100_000), modifiedMs: null };
  assert.equal((await atB.send('PUT', '/api/files?path=proxy.yaml', put)).status, 200);
  assert.equal(sandbox.files.get('proxy.yaml')?.content.length, 100_000);
  assertRefused(await atB.get('/api/files?path=other'), 404, 'not-found');
  const large = { content: 'x'.repeat(300_000), modifiedMs: null };
  assertRefused(await atB.send('PUT', '/api/files?path=proxy.yaml', large), 413, 'too-large');
  assertRefused(await atB.post('/api/lessons/9.9/open'), 404, 'not-found');
  assert.equal(provider.living().length, 1);
});

test('a terminal is typed into through one server while another has the session', { skip }, async context => {
  const { a, b } = await twoServers(context, postgres);
  const { browser } = await ready(context, a, 'Ada');
  const socket = browser.at(b.origin).socket('/api/terminals/learner?columns=80&rows=24');
  atEnd(context, () => socket.terminate());
  await once(socket, 'open');
  const typed = Buffer.concat([Buffer.from([1]), Buffer.alloc(60_000, 'x')]);
  socket.send(typed);
  const [echo] = await once(socket, 'message');
  assert.deepEqual(Buffer.from(echo as Buffer), typed);
  await b.running.close(true);
  if (socket.readyState !== socket.CLOSED) await once(socket, 'close');
});

test('an instructor sees and does at one server what happens at the other', { skip }, async context => {
  const { a, b } = await twoServers(context, postgres);
  const teacher = await instructor(b);
  const room = await teacher.instructorEvents(context);
  const { browser, events, id } = await ready(context, a, 'Ada');
  await room.until('learner', ({ learner }) => learner.online && learner.sandbox.phase === 'ready');
  await browser.post('/api/lessons/2.1/open');
  await room.until('learner', ({ learner }) => learner.lesson === '2.1' && learner.lastCheck !== null);
  await teacher.post('/api/instructor/message', { text: 'Five minutes to go' });
  assert.equal((await events.until('message')).message.text, 'Five minutes to go');
  const { slides } = (await teacher.get<{ slides: { id: string }[] }>('/api/slides')).body;
  await teacher.post('/api/instructor/follow-slide', { slide: slides[2]?.id });
  assert.equal((await events.until('follow-slide')).slide, slides[2]?.id);
  assert.equal((await teacher.post(`/api/instructor/learners/${id}/catch-up`, { lesson: '2.2' })).status, 204);
  await events.until('action', ({ action }) => action?.kind === 'catch-up');
  assert.equal((await teacher.post(`/api/instructor/learners/${id}/end`)).status, 204);
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ended');
  const late = await (await instructor(a)).instructorEvents(context);
  const { class: room2 } = await late.until('class');
  assert.equal(room2.messages[0]?.text, 'Five minutes to go');
  assert.equal((await teacher.post(`/api/instructor/learners/${id}/remove`)).status, 204);
  await events.until('signed-out');
  await room.until('learner-removed');
  await late.until('learner-removed');
  assertRefused(await browser.at(b.origin).post('/api/sandbox/start'), 401, 'not-signed-in');
  assertRefused(await teacher.post(`/api/instructor/learners/${id}/end`), 404, 'not-found');
});

test('a class is set up at one server for all; at its end each removes the learners it has', {
  skip,
}, async context => {
  const { a, b, provider } = await twoServers(context, postgres);
  const [ada, grace] = [await ready(context, a, 'Ada'), await ready(context, b, 'Grace')];
  const room = await (await instructor(a)).instructorEvents(context);
  const teacher = await instructor(b);
  await teacher.post('/api/instructor/class/code');
  const { code } = (await room.until('class', state => state.class.code !== a.code)).class;
  const cy = new Browser(a.origin);
  assertRefused(await cy.post('/api/join', { code: a.code, name: 'Cy' }), 403, 'wrong-code');
  assert.equal((await cy.post('/api/join', { code, name: 'Cy' })).status, 200);
  const plan = { size: 2, startsAtMs: null, deletesAtMs: Date.now() + 500 };
  assert.equal((await teacher.post('/api/instructor/class/plan', plan)).status, 204);
  await Promise.all([ada.events.until('signed-out'), grace.events.until('signed-out')]);
  const { class: after } = await room.until('class', state => state.class.code !== code && state.class.code !== a.code);
  assert.deepEqual([after.learners, after.plan.deletesAtMs], [[], null]);
  assert.deepEqual(provider.living(), []);
  assert.equal(provider.removedHomes.length, 3);
});

test('there are no more sandboxes than may be over all servers, and one queue for those who wait', {
  skip,
}, async context => {
  const { a, b, provider } = await twoServers(context, postgres, { maximumSandboxes: 2 });
  const ask = async (server: typeof a, name: string) => {
    const browser = await joined(server, name);
    const events = await browser.events(context);
    await browser.post('/api/sandbox/start');
    return events;
  };
  const place = (events: Awaited<ReturnType<typeof ask>>, wanted: number) =>
    events.until('sandbox', ({ sandbox }) => sandbox.phase === 'queued' && sandbox.place === wanted);
  const isReady = (events: Awaited<ReturnType<typeof ask>>) =>
    events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  const [ada, bob] = [await ready(context, a, 'Ada'), await ready(context, b, 'Bob')];
  const cy = await ask(a, 'Cy');
  await place(cy, 1);
  const dan = await ask(b, 'Dan');
  await place(dan, 2);
  const eve = await ask(a, 'Eve');
  await place(eve, 3);
  assert.equal(provider.living().length, 2);
  const teacher = await instructor(b);
  await teacher.post(`/api/instructor/learners/${ada.id}/end`);
  await isReady(cy);
  await Promise.all([place(dan, 1), place(eve, 2)]);
  // Who gives up makes way.
  const { state } = await dan.until('state');
  await teacher.post(`/api/instructor/learners/${state.id}/end`);
  await place(eve, 1);
  await teacher.post(`/api/instructor/learners/${bob.id}/end`);
  await isReady(eve);
  assert.equal(provider.living().length, 2);
});

test('a sandbox that waits for nobody at one server gives way to a learner of another', { skip }, async context => {
  const { a, b, provider } = await twoServers(context, postgres, { maximumSandboxes: 2, warm: 1 });
  await Promise.all([a.running.report, b.running.report]);
  const until = Date.now() + 20_000;
  while (provider.living().length < 2) {
    assert.ok(Date.now() < until, 'the pools fill');
    await delay(20);
  }
  const waiting = provider.living();
  const ask = async (name: string) => {
    const browser = await joined(a, name);
    const events = await browser.events(context);
    await browser.post('/api/sandbox/start');
    return events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  };
  await ask('Ada');
  assert.deepEqual(provider.living(), waiting, 'she has what waited where she joined');
  await ask('Bob');
  assert.equal(provider.living().length, 2);
  assert.equal(waiting.filter(({ ended }) => ended).length, 1, 'what waited at the other server is gone');
});

test('of two who join by one name at once at two servers, one is let in', { skip }, async context => {
  const { a, b } = await twoServers(context, postgres);
  const tries = Array.from({ length: 10 }, (_, index) => {
    const { origin, code } = index % 2 ? a : b;
    return new Browser(origin).post('/api/join', { code, name: index % 3 ? 'Ada' : 'ADA' });
  });
  const answers = await Promise.all(tries);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array.from({ length: 9 }, () => 409)]);
});

test('whoever joined at one server is known at the other at once', { skip }, async context => {
  const { a, b } = await twoServers(context, postgres);
  for (let index = 0; index < 5; index++) {
    const browser = await joined(a, `Learner ${index}`);
    assert.equal((await browser.at(b.origin).post('/api/lessons/2.1/open')).status, 204);
    assert.equal((await stateOf(context, browser)).lesson, '2.1');
  }
});

test('sessions opened at both servers at once live in one of them', { skip }, async context => {
  const { a, b, provider } = await twoServers(context, postgres);
  const browser = await joined(a, 'Ada');
  const starts = [a, b, a, b].map(({ origin }) => browser.at(origin).post('/api/sandbox/start'));
  assert.deepEqual(
    (await Promise.all(starts)).map(({ status }) => status),
    [204, 204, 204, 204],
  );
  const events = await browser.events(context);
  const isReady = () => events.seen.some(event => JSON.stringify(event).includes('"phase":"ready"'));
  while (!isReady()) await once(events.socket, 'message');
  assert.equal(provider.living().length, 1);
});

test('nobody but a server of the class skips the checks of host and origin, or is answered as one', {
  skip,
}, async context => {
  const { a } = await twoServers(context, postgres);
  const browser = await joined(a, 'Ada');
  const forged = { 'x-unicorn-replica': `x ${Date.now()} y z` };
  assertRefused(await browser.get('/api/replica'), 404, 'not-found');
  assertRefused(await browser.send('GET', '/api/replica', undefined, forged), 404, 'not-found');
  const elsewhere = { ...forged, origin: 'http://evil.example' };
  assertRefused(await browser.post('/api/sandbox/start', undefined, elsewhere), 403, 'wrong-origin');
  const refused = await refusalOf(browser.socket('/api/events', elsewhere));
  assert.deepEqual(refused, { status: 403, code: 'wrong-origin' });
  const asked = request(`${a.origin}/api/me`, { headers: { ...forged, host: 'evil.example' } }).end();
  const [answer] = await once(asked, 'response');
  assert.equal(answer.statusCode, 421);
  answer.resume();
});

test('each server keeps its own spares; two learners at two servers never get the same', { skip }, async context => {
  const { a, b, provider } = await twoServers(context, postgres, { warm: 1 });
  for (const { origin } of [a, b]) await spareAt(origin);
  const waiting = provider.living();
  assert.equal(waiting.length, 2);
  const homes = new Set<string>();
  for (const [server, name] of [
    [a, 'Ada'],
    [b, 'Bob'],
  ] as const) {
    const browser = await joined(server, name);
    const events = await browser.events(context);
    await browser.post('/api/sandbox/start');
    await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
    await browser.send('PUT', '/api/files?path=whose', { content: name, modifiedMs: null });
  }
  for (const { files, home } of waiting) if (files.has('whose')) homes.add(home);
  assert.equal(homes.size, 2, 'both got one that waited');
  for (const { origin } of [a, b]) await spareAt(origin);
  assert.equal(provider.living().length, 4);
  await a.running.close(true);
  assert.equal(provider.living().length, 3, 'the spare of a server that ends goes with it');
  assert.ok(waiting.every(({ ended }) => !ended));
});

async function spareAt(origin: string): Promise<void> {
  const until = Date.now() + 30_000;
  while (!(await (await fetch(`${origin}/metrics`)).text()).includes('\nunicorn_spare_sandboxes 1\n')) {
    assert.ok(Date.now() < until, 'none got ready');
    await delay(30);
  }
}
