import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { atEnd } from './at-end.ts';
import { assertRefused, Browser, instructor, joined, ready, refusalOf, startServer } from './harness.ts';

/** One request with the given Host header, which fetch does not let through. */
async function withHost(origin: string, host: string, path = '/api/me'): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const sent = request(origin + path, { headers: { host }, agent: false }, response => {
    let text = '';
    response.on('data', chunk => {
      text += chunk;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
  });
  sent.on('error', reject).end();
  return promise;
}

/** Sends bytes as they are; answers what came back until the connection ended. */
async function raw(origin: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  let text = '';
  socket.on('data', chunk => {
    text += chunk;
  });
  socket.on('error', () => {});
  socket.end(bytes);
  await once(socket, 'close');
  return text;
}

test('a foreign Host header is refused everywhere, ours are not', async context => {
  const { origin } = await startServer(context);
  const { port } = new URL(origin);
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    '127.0.0.1@evil',
  ]) {
    for (const path of ['/', '/api/me', '/instructor', '/assets/x.js']) {
      const { status, text } = await withHost(origin, host, path);
      assert.equal(status, 421, `${host} ${path}: ${text}`);
    }
  }
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST', 'localhost:9999']) {
    assert.equal((await withHost(origin, host)).status, 200, host);
  }
});

test('the public address is a host of ours, and its origin too', async context => {
  const server = await startServer(context, { publicUrl: new URL('https://workshop.example.org') });
  const real = `http://127.0.0.1:${server.running.port}`;
  assert.equal((await withHost(real, 'workshop.example.org')).status, 200);
  assert.equal((await withHost(real, 'other.example.org')).status, 421);
  const browser = new Browser(real);
  const headers = { origin: 'https://workshop.example.org' };
  const answer = await browser.post('/api/join', { code: server.code, name: 'Ada' }, headers);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('set-cookie') ?? '', /; Secure/);
});

test('pages of other sites change nothing and open no sockets', async context => {
  const server = await startServer(context);
  const { browser } = await ready(context, server, 'Ada');
  const teacher = await instructor(server);
  const { port } = new URL(server.origin);
  for (const origin of [
    'https://evil.example',
    'null',
    `http://localhost:${Number(port) + 1}`,
    `http://127.0.0.1:${port}.evil.example`,
  ]) {
    assertRefused(await browser.post('/api/sandbox/extend', undefined, { origin }), 403, 'wrong-origin');
    assertRefused(await browser.send('DELETE', '/api/terminals/learner', undefined, { origin }), 403, 'wrong-origin');
    const refused = { status: 403, code: 'wrong-origin' };
    assert.deepEqual(await refusalOf(browser.socket('/api/events', { origin })), refused);
    assert.deepEqual(await refusalOf(browser.socket('/api/terminals/learner', { origin })), refused);
    assert.deepEqual(await refusalOf(teacher.socket('/api/instructor/events', { origin })), refused);
  }
  const address = `${server.origin.replace('http', 'ws')}/api/events`;
  const without = new WebSocket(address, { headers: { cookie: browser.cookie } });
  assert.deepEqual(await refusalOf(without), { status: 403, code: 'wrong-origin' });
});

test('sockets are for those who are signed in, in their role', async context => {
  const server = await startServer(context);
  const stranger = new Browser(server.origin);
  const { browser } = await ready(context, server, 'Ada');
  const refused = { status: 401, code: 'not-signed-in' };
  for (const path of ['/api/events', '/api/terminals/learner', '/api/instructor/events']) {
    assert.deepEqual(await refusalOf(stranger.socket(path)), refused);
  }
  assert.deepEqual(await refusalOf(browser.socket('/api/instructor/events')), refused);
  assert.deepEqual(await refusalOf(browser.socket('/api/nothing')), { status: 404, code: 'not-found' });
  assert.deepEqual(await refusalOf(browser.socket('/api/terminals/..%2f..')), { status: 400, code: 'invalid' });
  assert.deepEqual(await refusalOf(browser.socket('/api/terminals/%')), { status: 400, code: 'invalid' });
  assert.deepEqual(await refusalOf(browser.socket('/api/terminals/a?columns=-1')), { status: 400, code: 'invalid' });
  assert.deepEqual(await refusalOf(browser.socket('/api/terminals/a?rows=99999')), { status: 400, code: 'invalid' });
});

test('nobody reaches what is of someone else', async context => {
  const server = await startServer(context);
  const ada = await ready(context, server, 'Ada');
  const bob = await ready(context, server, 'Bob');
  // Whose sandbox it is comes from the cookie alone: there is no name of another to give.
  const typed = bob.browser.socket(`/api/terminals/learner?learner=${ada.id}&session=${ada.id}`);
  await once(typed, 'open');
  assert.ok(!ada.sandbox.calls.includes('terminal.open'));
  typed.terminate();
  await bob.browser.send('PUT', '/api/files?path=mine.txt', { content: 'mine', modifiedMs: null });
  assertRefused(await ada.browser.get('/api/files?path=mine.txt'), 404, 'not-found');
  for (const path of ['/api/traces', '/api/files?path=mine.txt', '/api/requests/r/explanation?at=a:1'])
    assertRefused(await new Browser(server.origin).get(path), 401, 'not-signed-in');
  // A cookie of one role opens nothing of the other, whatever it is called.
  const renamed = bob.browser.cookie.replace('learner', 'instructor');
  const answer = await new Browser(server.origin).post(`/api/instructor/learners/${ada.id}/end`, undefined, {
    cookie: renamed,
  });
  assertRefused(answer, 401, 'not-signed-in');
  for (const action of ['start', 'reset', 'end', 'extend', 'remove']) {
    assertRefused(await bob.browser.post(`/api/instructor/learners/${ada.id}/${action}`), 401, 'not-signed-in');
  }
  assertRefused(await bob.browser.post('/api/instructor/message', { text: 'hello' }), 401, 'not-signed-in');
  assert.equal(server.provider.living().length, 2);
});

test('a guessed or malformed cookie is no session', async context => {
  const server = await startServer(context);
  const { port } = new URL(server.origin);
  for (const value of ['x', 'A'.repeat(43), '../../etc', '%00', 'a'.repeat(5000), "' or 1=1 --"]) {
    const cookie = `unicorn-learner-${port}=${value}`;
    const answer = await new Browser(server.origin).send('GET', '/api/workshop', undefined, { cookie });
    assertRefused(answer, 401, 'not-signed-in');
  }
});

test('bodies that are too large or not as they should be', async context => {
  const server = await startServer(context);
  const browser = await joined(server, 'Ada');
  assertRefused(await browser.post('/api/join', `{"code":"${'x'.repeat(20_000)}"}`), 413, 'too-large');
  const large = { content: 'x'.repeat(3 * 1024 * 1024), modifiedMs: null };
  assertRefused(await browser.send('PUT', '/api/files?path=a', large), 413, 'too-large');
  for (const body of [
    '{',
    '',
    'null',
    '[]',
    '"text"',
    '{"code":1,"name":2}',
    '{"name":"Ada"}',
    '{"code":"a","name":"b","more":1}',
  ]) {
    assertRefused(await browser.post('/api/join', body, { 'content-type': 'application/json' }), 400, 'invalid');
  }
  assertRefused(await browser.post('/api/join', '{"__proto__":{"code":"a"}}'), 400, 'invalid');
  assertRefused(await browser.post('/api/join', 'code=a', { 'content-type': 'text/html' }), 415, 'wrong-type');
  assertRefused(
    await browser.post('/api/exercises/who-wrote-the-headers/answer', { value: 'x'.repeat(2000) }),
    400,
    'invalid',
  );
});

test('addresses that are nothing', async context => {
  const server = await startServer(context);
  const browser = await joined(server, 'Ada');
  for (const path of [
    '/api',
    '/api/',
    '/api/nothing',
    '/api/lessons/99.99',
    '/api/lessons/..%2f..%2fetc',
    '/assets/no.js',
    '/etc/passwd.txt',
  ]) {
    assertRefused(await browser.get(path), 404, 'not-found');
  }
  assert.ok((await browser.get(`/api/lessons/${'9'.repeat(5000)}`)).status >= 400);
  for (const path of ['/%', '/%00', '/..%2f..%2fpackage.json', '//evil.example/']) {
    const answer = await browser.get(path);
    assert.ok(answer.status < 500 || answer.status === 503, `${path}: ${answer.status}`);
    assert.doesNotMatch(answer.text, /"devDependencies"/);
  }
  for (const path of [
    '/api/exercises/nothing/hint',
    '/api/exercises/nothing/solve',
    '/api/lessons/nothing/open',
    '/api/lessons/nothing/catch-up',
  ]) {
    assertRefused(await browser.post(path), 404, 'not-found');
  }
  assertRefused(await browser.post('/api/terminals/learner/run', { command: 'ls' }), 409, 'no-sandbox');
  const teacher = await instructor(server);
  assertRefused(await teacher.post('/api/instructor/learners/nobody/end'), 404, 'not-found');
  assertRefused(await teacher.post('/api/instructor/follow-slide', { slide: 'nothing' }), 404, 'not-found');
});

test('what is not HTTP is answered, and the server goes on', async context => {
  const { origin } = await startServer(context);
  assert.match(await raw(origin, 'hello\r\n\r\n'), /^HTTP\/1\.1 400/);
  assert.match(
    await raw(origin, `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431/,
  );
  assert.match(await raw(origin, 'GET /api/me HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 4/);
  assert.match(await raw(origin, 'GET /api/me HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 421/);
  const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n';
  assert.match(
    await raw(origin, `GET /api/events HTTP/1.1\r\nhost: evil.example\r\n${upgrade}\r\n`),
    /^HTTP\/1\.1 421/,
  );
  assert.match(await raw(origin, `GET /api/events HTTP/1.1\r\nhost: localhost\r\n${upgrade}\r\n`), /^HTTP\/1\.1 403/);
  assert.equal((await withHost(origin, 'localhost')).status, 200);
});

test('malformed frames end their socket alone', async context => {
  const server = await startServer(context);
  const { browser } = await ready(context, server, 'Ada');
  const closeOf = async (path: string, send: (socket: WebSocket) => void) => {
    const socket = browser.socket(path);
    socket.on('error', () => {});
    await once(socket, 'open');
    const closed = once(socket, 'close');
    send(socket);
    return Number((await closed)[0]);
  };
  assert.equal(await closeOf('/api/events', socket => socket.send('{"type":"state"}')), 1008);
  assert.equal(await closeOf('/api/events', socket => socket.send(Buffer.from([0, 1, 2]))), 1008);
  assert.equal(await closeOf('/api/events', socket => socket.send('x'.repeat(100_000))), 1009);
  const broken = (socket: WebSocket) =>
    (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.alloc(64, 0xff));
  assert.ok((await closeOf('/api/events', broken)) >= 1002);
  assert.ok((await closeOf('/api/terminals/learner', broken)) >= 1002);
  assert.ok((await closeOf('/api/terminals/learner', socket => socket.send(Buffer.alloc(100_000)))) >= 1002);
  const events = await browser.events(context);
  await events.until('state', ({ state }) => state.sandbox.phase === 'ready');
});

test('every answer keeps other pages out', async context => {
  const server = await startServer(context);
  const browser = await joined(server, 'Ada');
  for (const path of ['/', '/instructor', '/api/me', '/api/nothing', '/api/workshop']) {
    const { headers } = await browser.get(path);
    assert.match(
      headers.get('content-security-policy') ?? '',
      /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
    );
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.equal(headers.get('access-control-allow-origin'), null);
    assert.match(headers.get('cache-control') ?? '', path.startsWith('/api') ? /no-store/ : /no-cache/);
  }
});

test('one learner does not open sockets without end', async context => {
  const server = await startServer(context);
  const { browser } = await ready(context, server, 'Ada');
  const sockets = await Promise.all(
    Array.from({ length: 63 }, async () => {
      const socket = browser.socket('/api/events');
      atEnd(context, () => socket.terminate());
      await once(socket, 'open');
      return socket;
    }),
  );
  assert.deepEqual(await refusalOf(browser.socket('/api/events')), { status: 409, code: 'busy' });
  const [first] = sockets;
  assert.ok(first);
  first.close();
  await once(first, 'close');
});
