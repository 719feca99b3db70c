import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Me, ResumeLink } from '../../server/api.ts';
import { assertRefused, Browser, instructor, joined, startServer, stateOf } from './harness.ts';

test('joining with the code signs in, for as long as the cookie is there', async context => {
  const server = await startServer(context);
  const browser = new Browser(server.origin);
  assert.equal((await browser.get<Me>('/api/me')).body.role, null);
  const answer = await browser.post<Me>('/api/join', { code: server.code, name: '  Ada   Lovelace ' });
  assert.deepEqual([answer.body.role, answer.body.name], ['learner', 'Ada Lovelace']);
  const cookie = answer.headers.get('set-cookie') ?? '';
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  assert.match(cookie, new RegExp(`^unicorn-learner-${new URL(server.origin).port}=`));
  assert.equal((await browser.get<Me>('/api/me')).body.name, 'Ada Lovelace');
  assert.equal((await browser.post('/api/sign-out')).status, 204);
  assert.equal((await browser.get<Me>('/api/me')).body.role, null);
});

test('a code is compared as people type it', async context => {
  const server = await startServer(context);
  const typed = ` ${server.code.replace('-', ' ').toUpperCase()} `;
  const answer = await new Browser(server.origin).post('/api/join', { code: typed, name: 'Ada' });
  assert.equal(answer.status, 200);
});

test('a wrong code and a wrong secret are refused, with what to do', async context => {
  const server = await startServer(context);
  const browser = new Browser(server.origin);
  assertRefused(await browser.post('/api/join', { code: 'wrong', name: 'Ada' }), 403, 'wrong-code');
  assertRefused(await browser.post('/api/sign-in', { secret: 'wrong' }), 403, 'wrong-secret');
  assertRefused(await browser.post('/api/sign-in', { secret: server.code }), 403, 'wrong-secret');
  assertRefused(await browser.get('/api/workshop'), 401, 'not-signed-in');
  assert.equal(browser.cookie, '');
});

test('an address may not try for ever', async context => {
  const server = await startServer(context);
  const browser = new Browser(server.origin);
  for (let tries = 0; tries < 20; tries++) {
    assertRefused(await browser.post('/api/join', { code: `wrong${tries}`, name: 'Ada' }), 403, 'wrong-code');
  }
  assertRefused(await browser.post('/api/join', { code: server.code, name: 'Ada' }), 429, 'too-many-tries');
  assertRefused(await browser.post('/api/sign-in', { secret: server.secret }), 429, 'too-many-tries');
});

test('hostile names', async context => {
  const server = await startServer(context);
  const join = (name: unknown) => new Browser(server.origin).post<Me>('/api/join', { code: server.code, name });
  for (const name of ['', '   ', 'a\u202eb', 'a\u0000b', 'a\u2066b', 'x'.repeat(41), 'tab\tname', '\ud800', '\u200b']) {
    assertRefused(await join(name), 400, 'invalid-name');
  }
  assertRefused(await join('x'.repeat(10_000)), 400, 'invalid-name');
  assertRefused(await join('x'.repeat(100_000)), 413, 'too-large');
  assertRefused(await join(7), 400, 'invalid');
  assertRefused(await join({ length: 3 }), 400, 'invalid');
  // Markup and the letters of all scripts are names; they are only ever shown as text.
  for (const name of [
    '<img src=x onerror=alert(1)>',
    'שלום',
    'مريم',
    'Zoë',
    '👩‍💻',
    "Robert'); drop table learners;--",
  ]) {
    const answer = await join(name);
    assert.equal(answer.status, 200, name);
    assert.equal(answer.body.name, name);
    assert.match(answer.headers.get('content-type') ?? '', /application\/json/);
  }
});

test('two learners do not share a name', async context => {
  const server = await startServer(context);
  await joined(server, 'Ada');
  const again = await new Browser(server.origin).post('/api/join', { code: server.code, name: 'ADA' });
  assertRefused(again, 409, 'name-taken');
});

test('alone, a click is enough, and every browser is the same learner', async context => {
  const server = await startServer(context, { mode: 'alone' });
  const one = await joined(server, '');
  const other = await joined(server, '');
  assert.equal((await stateOf(context, one)).id, (await stateOf(context, other)).id);
  const stranger = new Browser(server.origin);
  assertRefused(await stranger.post('/api/join', { code: '', name: '' }), 403, 'wrong-code');
});

test('a learner goes on in another browser by a link; a newer link ends the older', async context => {
  const server = await startServer(context);
  const first = await joined(server, 'Ada');
  const keyOf = async () =>
    new URL((await first.post<ResumeLink>('/api/resume-link')).body.url).hash.slice('#key='.length);
  const older = await keyOf();
  const newer = await keyOf();
  const second = new Browser(server.origin);
  assertRefused(await second.post('/api/sign-in', { secret: older }), 403, 'wrong-secret');
  assert.equal((await second.post<Me>('/api/sign-in', { secret: newer })).body.name, 'Ada');
  assert.equal((await stateOf(context, second)).id, (await stateOf(context, first)).id);
});

test('both roles in one browser, each with its own cookie', async context => {
  const server = await startServer(context);
  const browser = await joined(server, 'Ada');
  assert.equal((await browser.post<Me>('/api/sign-in', { secret: server.secret })).body.role, 'instructor');
  assert.equal((await browser.get<Me>('/api/me')).body.role, 'learner');
  assert.equal((await browser.get<Me>('/api/me?as=instructor')).body.role, 'instructor');
  await browser.post('/api/sign-out?as=instructor');
  assert.equal((await browser.get<Me>('/api/me?as=instructor')).body.role, null);
  assert.equal((await browser.get<Me>('/api/me?as=learner')).body.role, 'learner');
});

test('who is removed is signed out at once', async context => {
  const server = await startServer(context);
  const learner = await joined(server, 'Ada');
  const events = await learner.events(context);
  const { state } = await events.until('state');
  const teacher = await instructor(server);
  const closed = once(events.socket, 'close');
  assert.equal((await teacher.post(`/api/instructor/learners/${state.id}/remove`)).status, 204);
  await events.until('signed-out');
  assert.equal((await closed)[0], 4401);
  assertRefused(await learner.get('/api/workshop'), 401, 'not-signed-in');
  assert.deepEqual(server.provider.removedHomes, [state.id]);
  assert.equal((await joined(server, 'Ada')).origin, server.origin);
});
