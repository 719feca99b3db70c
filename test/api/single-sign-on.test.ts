/** Signing in by an organisation's issuer: a real one, whose redirects a browser of the test follows. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Me } from '../../server/api.ts';
import { usualOidc } from '../../server/oidc-settings.ts';
import type { Settings } from '../../server/settings.ts';
import { assertRefused, startServer, type TestServer } from './harness.ts';
import { client, type Issuer, startIssuer } from './issuer.ts';

const patience = 30_000;

/** Keeps cookies by origin and path, as browsers do, and goes where it is sent. */
class Traveller {
  readonly #cookies: { origin: string; path: string; name: string; value: string }[] = [];
  readonly visited: URL[] = [];

  constructor(person: string | null, issuer: string) {
    if (person) this.#cookies.push({ origin: issuer, path: '/', name: 'person', value: person });
  }

  cookiesOf(origin: string): string[] {
    return this.#cookies.filter(cookie => cookie.origin === origin).map(({ name }) => name);
  }

  /** Goes to an address and on from there, until nobody sends it further, or `stop` says so. */
  async go(address: string, stop: (url: URL) => boolean = () => false): Promise<URL> {
    let url = new URL(address);
    for (let step = 0; step < 20; step++) {
      this.visited.push(url);
      if (stop(url)) return url;
      const response = await this.ask(url);
      const location = response.headers.get('location');
      await response.arrayBuffer();
      if (location === null) return url;
      const fragment = url.hash;
      url = new URL(location, url);
      if (url.hash === '') url.hash = fragment;
    }
    throw new Error(`sent round and round: ${this.visited.join(' ')}`);
  }

  async ask(url: URL): Promise<Response> {
    const sent = this.#cookies.filter(({ origin, path }) => origin === url.origin && url.pathname.startsWith(path));
    const cookie = sent.map(({ name, value }) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) this.#keep(url.origin, line);
    return response;
  }

  async me(server: TestServer, as = 'learner'): Promise<Me> {
    return (await this.ask(new URL(`${server.origin}/api/me?as=${as}`))).json() as Promise<Me>;
  }

  #keep(origin: string, line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const path = /; ?path=([^;]+)/i.exec(line)?.[1] ?? '/';
    const at = this.#cookies.findIndex(one => one.origin === origin && one.name === name && one.path === path);
    if (at >= 0) this.#cookies.splice(at, 1);
    if (value !== '' && !/max-age=0/i.test(line)) this.#cookies.push({ origin, path, name, value });
  }
}

interface Place {
  issuer: Issuer;
  server: TestServer;
  travel(person: string | null): Traveller;
}

async function start(
  context: TestContext,
  oidc: Partial<Settings['oidc']> = {},
  settings: Partial<Settings> = {},
  claimsIn: 'id-token' | 'userinfo' = 'id-token',
): Promise<Place> {
  const issuer = await startIssuer(context, claimsIn);
  const server = await startServer(context, {
    ...settings,
    oidc: {
      ...usualOidc,
      issuer: new URL(issuer.url),
      clientId: client.id,
      clientSecret: client.secret,
      instructors: ['teachers'],
      ...oidc,
    },
  });
  issuer.allow(`${server.origin}/api/oidc/callback`);
  return { issuer, server, travel: person => new Traveller(person, issuer.url) };
}

test('somebody signs in, comes back in another browser, and is the same learner', {
  timeout: patience,
}, async context => {
  const { server, travel } = await start(context);
  const browser = travel('grace');
  const before = await browser.me(server);
  assert.deepEqual([before.role, before.byCode, before.organisation?.startsWith('127.0.0.1:')], [null, true, true]);
  assert.equal((await browser.go(`${server.origin}/api/oidc/start`)).href, `${server.origin}/`);
  assert.deepEqual([(await browser.me(server)).role, (await browser.me(server)).name], ['learner', 'Grace Hopper']);
  assert.deepEqual(
    browser.cookiesOf(server.origin).filter(name => name.includes('oidc')),
    [],
    'the attempt is over',
  );
  const other = travel('grace');
  await other.go(`${server.origin}/api/oidc/start?as=learner`);
  assert.equal((await other.me(server)).name, 'Grace Hopper');
  const namesake = travel('namesake');
  await namesake.go(`${server.origin}/api/oidc/start`);
  assert.equal((await namesake.me(server)).name, 'Grace Hopper (2)', 'two people of one name');
});

test('two windows at once make one learner', { timeout: patience }, async context => {
  const { server, travel } = await start(context);
  const windows = [travel('ada'), travel('ada'), travel('ada')];
  await Promise.all(windows.map(window => window.go(`${server.origin}/api/oidc/start`)));
  const names = await Promise.all(windows.map(async window => (await window.me(server)).name));
  assert.equal(new Set(names).size, 1, names.join());
});

for (const claimsIn of ['id-token', 'userinfo'] as const) {
  test(`what somebody may be is told by a claim, in the ${claimsIn}`, { timeout: patience }, async context => {
    const { server, travel } = await start(context, { learners: ['staff'] }, {}, claimsIn);
    const ends: Record<string, string> = {};
    for (const person of ['ada', 'grace', 'eve'])
      for (const as of ['learner', 'instructor']) {
        const { pathname, hash } = await travel(person).go(`${server.origin}/api/oidc/start?as=${as}`);
        ends[`${person} as ${as}`] = pathname + hash;
      }
    assert.deepEqual(ends, {
      'ada as learner': '/',
      'ada as instructor': '/instructor',
      'grace as learner': '/',
      'grace as instructor': '/instructor#refused=no-instructor',
      'eve as learner': '/#refused=no-learner',
      'eve as instructor': '/instructor#refused=no-instructor',
    });
    const teacher = travel('ada');
    await teacher.go(`${server.origin}/api/oidc/start?as=instructor`);
    assert.equal((await teacher.me(server, 'instructor')).role, 'instructor');
    assert.equal((await teacher.me(server, 'learner')).role, null, 'an instructor is no learner by that');
  });
}

test('nobody is an instructor where no value makes one', { timeout: patience }, async context => {
  const { server, travel } = await start(context, { instructors: [] });
  const { hash } = await travel('ada').go(`${server.origin}/api/oidc/start?as=instructor`);
  assert.equal(hash, '#refused=no-instructor');
});

test('who ends it at the issuer is told so at the page', { timeout: patience }, async context => {
  const { server, travel } = await start(context);
  assert.equal((await travel(null).go(`${server.origin}/api/oidc/start`)).hash, '#refused=ended');
});

test('a class of whom many end it there does not shut the door on the others of that address', {
  timeout: patience,
}, async context => {
  const { server, travel } = await start(context);
  for (let person = 0; person < 25; person++)
    assert.equal((await travel(null).go(`${server.origin}/api/oidc/start`)).hash, '#refused=ended');
  const browser = travel('ada');
  await browser.go(`${server.origin}/api/oidc/start`);
  assert.equal((await browser.me(server)).role, 'learner');
});

test('an answer is good for the browser that asked, once, with its state alone', {
  timeout: patience,
}, async context => {
  const { server, travel } = await start(context);
  const callback = (url: URL) => url.pathname === '/api/oidc/callback';
  const ada = travel('ada');
  const answer = await ada.go(`${server.origin}/api/oidc/start`, callback);
  // Someone else's browser is given the answer: by a link, say.
  const victim = travel('grace');
  assert.equal((await victim.go(answer.href)).hash, '#refused=late');
  await victim.go(`${server.origin}/api/oidc/start`, callback);
  assert.equal((await victim.go(answer.href)).hash, '#refused=failed', 'the state is of another attempt');
  assert.equal((await victim.me(server)).role, null);
  // The right browser, with another state, then a code of another attempt.
  const forged = new URL(answer);
  forged.searchParams.set('state', 'x'.repeat(43));
  const again = travel('ada');
  const fresh = await again.go(`${server.origin}/api/oidc/start`, callback);
  assert.equal((await again.go(forged.href)).hash, '#refused=failed');
  assert.equal((await again.go(fresh.href)).hash, '#refused=late', 'an attempt ends with its first answer');
  const code = await ada.go(`${server.origin}/api/oidc/start`, callback);
  code.searchParams.set('code', answer.searchParams.get('code') ?? '');
  assert.equal((await ada.go(code.href)).hash, '#refused=failed', 'the verifier is of another attempt');
  assert.equal((await ada.me(server)).role, null);
});

test('an answer from another issuer is refused', { timeout: patience }, async context => {
  const { server, travel } = await start(context);
  const browser = travel('ada');
  const answer = await browser.go(`${server.origin}/api/oidc/start`, url => url.pathname === '/api/oidc/callback');
  answer.searchParams.set('iss', 'https://evil.example');
  assert.equal((await browser.go(answer.href)).hash, '#refused=failed');
});

test('the cookie of an attempt is unreadable for scripts and sent to the sign-in alone', {
  timeout: patience,
}, async context => {
  const { server, travel } = await start(context);
  const response = await travel('ada').ask(new URL(`${server.origin}/api/oidc/start`));
  const [cookie = ''] = response.headers.getSetCookie();
  assert.match(cookie, /; Path=\/api\/oidc; Max-Age=600; HttpOnly; SameSite=Lax$/);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const asked = new URL(response.headers.get('location') ?? '');
  assert.equal(asked.searchParams.get('code_challenge_method'), 'S256');
  assert.equal(asked.searchParams.get('redirect_uri'), `${server.origin}/api/oidc/callback`);
});

test('another name of this machine leads to the one to which the issuer sends back', {
  timeout: patience,
}, async context => {
  const { server, travel } = await start(context);
  const there = server.origin.replace('127.0.0.1', 'localhost');
  const browser = travel('ada');
  assert.equal((await browser.go(`${there}/api/oidc/start`)).href, `${server.origin}/`);
  assert.equal((await browser.me(server)).role, 'learner');
});

test('an issuer that is away is told at the page; when it is back nothing has to be started anew', {
  timeout: patience,
}, async context => {
  // It does not know anything yet.
  const issuer = await startIssuer(context);
  const oidc = { ...usualOidc, issuer: new URL(issuer.url), clientId: client.id, clientSecret: client.secret };
  const server = await startServer(context, { oidc });
  const browser = new Traveller('ada', issuer.url);
  assert.equal((await browser.go(`${server.origin}/api/oidc/start`)).hash, '#refused=away');
  assert.equal((await browser.me(server)).byCode, true, 'the code still lets people in');
  issuer.allow(`${server.origin}/api/oidc/callback`);
  await browser.go(`${server.origin}/api/oidc/start`);
  assert.equal((await browser.me(server)).role, 'learner');
});

test('where the organisation alone lets people in, the code does not', { timeout: patience }, async context => {
  const { server, travel } = await start(context, {}, { signIn: 'oidc' });
  const browser = travel('ada');
  assert.equal((await browser.me(server)).byCode, false);
  const join = await fetch(`${server.origin}/api/join`, {
    method: 'POST',
    headers: { origin: server.origin, 'content-type': 'application/json' },
    body: JSON.stringify({ code: server.code, name: 'Mallory' }),
  });
  assertRefused({ status: join.status, headers: join.headers, text: '', body: await join.json() }, 403, 'forbidden');
  await browser.go(`${server.origin}/api/oidc/start`);
  assert.equal((await browser.me(server)).name, 'Ada Lovelace');
});

test('without an issuer there is no such address', async context => {
  const server = await startServer(context);
  assert.equal((await fetch(`${server.origin}/api/oidc/start`, { redirect: 'manual' })).status, 404);
});

test('settings that do not go together end the start with what is missing', async context => {
  const refused = (settings: Partial<Settings>) => startServer(context, settings);
  await assert.rejects(refused({ signIn: 'oidc' }), /--sign-in oidc needs an issuer/);
  const oidc = { ...usualOidc, issuer: new URL('https://login.example') };
  await assert.rejects(refused({ oidc }), /--oidc-issuer needs a client/);
});
