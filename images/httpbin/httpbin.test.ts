import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { LogEntry } from '../request-log.ts';
import { httpbin } from './server.ts';

const log: LogEntry[] = [];
const server = httpbin(entry => {
  log.push(entry);
  server.emit('logged');
});
let base = '';

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

const get = (path: string, init?: RequestInit) => fetch(base + path, { redirect: 'manual', ...init });

describe('what it tells of a request', () => {
  it('shows headers with capitals, in order, and JSON as httpbin writes it', async () => {
    const answer = await get('/headers', { headers: { 'x-envoy-expected-rq-timeout-ms': '15000', 'X-b': '1' } });
    const text = await answer.text();
    const { headers } = JSON.parse(text);
    assert.equal(headers['X-Envoy-Expected-Rq-Timeout-Ms'], '15000');
    assert.deepEqual(Object.keys(headers), Object.keys(headers).sort());
    assert.equal(text, `${JSON.stringify({ headers }, null, 2)}\n`);
    assert.equal(answer.headers.get('content-type'), 'application/json');
  });

  it('tells the query, one value or several', async () => {
    const { args, url, origin } = await (await get('/get?a=1&a=2&b=x%20y')).json();
    assert.deepEqual(args, { a: ['1', '2'], b: 'x y' });
    assert.equal(url, `${base}/get?a=1&a=2&b=x%20y`);
    assert.equal(origin, '127.0.0.1');
  });

  it('believes the proxies in front of it', async () => {
    const answer = await get('/anything', { headers: { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https' } });
    const { origin, url } = await answer.json();
    assert.equal(origin, '1.2.3.4');
    assert.match(url, /^https:/);
  });

  it('reads bodies as text, JSON, form or bytes', async () => {
    const post = async (body: RequestInit['body'], type: string) =>
      (await get('/post', { method: 'POST', body: body ?? null, headers: { 'content-type': type } })).json();
    assert.deepEqual((await post('{"a":1}', 'application/json')).json, { a: 1 });
    assert.deepEqual((await post('a=1&b=2', 'application/x-www-form-urlencoded')).form, { a: '1', b: '2' });
    assert.equal((await post('plain', 'text/plain')).data, 'plain');
    assert.match((await post(new Uint8Array([255, 0]), 'x/y')).data, /^data:application\/octet-stream;base64,/);
  });

  it('reads cookies', async () => {
    const { cookies } = await (await get('/cookies', { headers: { cookie: 'a=b; c=d=e' } })).json();
    assert.deepEqual(cookies, { a: 'b', c: 'd=e' });
  });
});

describe('what it does as it is asked', () => {
  it('answers with any status, and with weighted ones', async () => {
    for (const status of [200, 204, 404, 418, 503]) assert.equal((await get(`/status/${status}`)).status, status);
    const seen = new Set<number>();
    for (let i = 0; i < 60; i++) seen.add((await get('/status/200:0.5,500:0.5,503:0')).status);
    assert.deepEqual([...seen].sort(), [200, 500]);
  });

  it('gives bytes, lines and drips', async () => {
    assert.equal((await (await get('/bytes/70000')).arrayBuffer()).byteLength, 70_000);
    assert.equal((await (await get('/bytes/9999999')).arrayBuffer()).byteLength, 102_400);
    const streamed = await get('/stream-bytes/3000000?chunk_size=70000');
    assert.equal((await streamed.arrayBuffer()).byteLength, 3_000_000);
    assert.equal((await get('/stream-bytes/10?chunk_size=0')).status, 400);
    const lines = (await (await get('/stream/3')).text()).trimEnd().split('\n');
    assert.deepEqual(
      lines.map(line => JSON.parse(line).id),
      [0, 1, 2],
    );
    assert.equal(await (await get('/drip?numbytes=5&duration=0.05')).text(), '*****');
  });

  it('waits', async () => {
    const started = performance.now();
    assert.equal((await get('/delay/0.2')).status, 200);
    assert.ok(performance.now() - started >= 190);
  });

  it('asks for user and password', async () => {
    const refused = await get('/basic-auth/me/secret');
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic realm=/);
    const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const { authenticated, user } = await (await get('/basic-auth/me/secret', { headers: { authorization } })).json();
    assert.deepEqual([authenticated, user], [true, 'me']);
  });

  it('redirects', async () => {
    assert.equal((await get('/redirect/3')).headers.get('location'), '/relative-redirect/2');
    assert.equal((await get('/relative-redirect/1')).headers.get('location'), '/get');
    assert.equal((await get('/absolute-redirect/2')).headers.get('location'), `${base}/absolute-redirect/1`);
    const other = await get('/redirect-to?url=/uuid&status_code=307');
    assert.deepEqual([other.status, other.headers.get('location')], [307, '/uuid']);
    assert.match((await (await fetch(`${base}/redirect/2`)).json()).url, /\/get$/);
  });

  it('sets and deletes cookies', async () => {
    const set = await get('/cookies/set?a=b');
    assert.deepEqual([set.status, set.headers.getSetCookie()], [302, ['a=b; Path=/']]);
    assert.match((await get('/cookies/delete?a')).headers.getSetCookie()[0] ?? '', /^a=; .*Max-Age=0/);
  });

  it('gives the headers that it is asked for and tells the length truly', async () => {
    const answer = await get('/response-headers?x-mine=1&x-mine=2');
    const text = await answer.text();
    assert.equal(answer.headers.get('x-mine'), '1, 2');
    assert.equal(JSON.parse(text)['Content-Length'], String(text.length));
  });
});

describe('healthz', () => {
  it('answers as it was told to, and refuses what is no status', async () => {
    const look = async () => {
      const response = await get('/healthz');
      return [response.status, await response.text()];
    };
    const tell = async (status: string) => (await get(`/healthz?status=${status}`, { method: 'POST' })).status;
    assert.deepEqual(await look(), [200, 'ok\n']);
    assert.equal(await tell('503'), 200);
    assert.deepEqual(await look(), [503, 'not well\n']);
    assert.equal((await get('/get')).status, 200, 'all else goes on');
    assert.equal(await tell('x'), 400);
    assert.deepEqual(await look(), [503, 'not well\n']);
    assert.equal(await tell('200'), 200);
    assert.deepEqual(await look(), [200, 'ok\n']);
  });
});

describe('flaky', () => {
  const three = async (path: string, headers: Record<string, string>) => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await get(path, { headers })).status);
    return statuses;
  };

  it('fails so many times, then succeeds, then begins anew', async () => {
    assert.deepEqual(await three('/flaky/2', { 'x-flaky-key': 'a' }), [503, 503, 200]);
    assert.deepEqual(await three('/flaky/2', { 'x-flaky-key': 'a' }), [503, 503, 200]);
  });

  it('counts each key apart, from header, query or request id, and fails as it is told', async () => {
    assert.deepEqual(await three('/flaky/1?status=500&key=q', {}), [500, 200, 500]);
    assert.equal((await get('/flaky/1', { headers: { 'x-request-id': '1' } })).status, 503);
    assert.equal((await get('/flaky/1', { headers: { 'x-request-id': '2' } })).status, 503);
    assert.equal((await get('/flaky/1', { headers: { 'x-request-id': '1' } })).status, 200);
  });
});

describe('bad input', () => {
  for (const path of [
    '/status/abc',
    '/status/99',
    '/bytes/x',
    '/delay/-1',
    '/redirect-to',
    '/status/%zz',
    '/drip?code=7',
  ]) {
    it(`is refused in words: ${path}`, async () => {
      const answer = await get(path);
      assert.equal(answer.status, 400);
      assert.equal(typeof (await answer.json()).error, 'string');
    });
  }

  it('has a 404, a 405 with what is allowed, and an answer to OPTIONS', async () => {
    assert.equal((await get('/nothing')).status, 404);
    const wrong = await get('/post');
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST, OPTIONS']);
    assert.equal((await get('/post', { method: 'OPTIONS' })).status, 200);
    assert.equal((await get('/get', { method: 'HEAD' })).headers.get('content-type'), 'application/json');
  });

  it('refuses a body over the limit', async () => {
    const answer = await get('/post', { method: 'POST', body: new Uint8Array(1024 * 1024 + 1) });
    assert.equal(answer.status, 413);
  });

  it('answers 400 to what is no HTTP, and goes on', async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    const [bytes] = await once(socket, 'data');
    assert.match(String(bytes), /^HTTP\/1.1 400 /);
    assert.equal((await get('/get')).status, 200);
  });

  it('lists the endpoints, with nothing of the request in the page', async () => {
    const page = await (await get('/')).text();
    assert.match(page, /\/flaky\/:times/);
  });
});

describe('the log', () => {
  it('has an entry for each request when it ended', async () => {
    log.length = 0;
    await (await get('/status/500', { headers: { 'X-Tag': 'a' } })).text();
    if (log.length === 0) await once(server, 'logged');
    const [entry] = log;
    assert.deepEqual([entry?.method, entry?.path, entry?.status], ['GET', '/status/500', 500]);
    assert.ok(entry?.headers.some(([name, value]) => name.toLowerCase() === 'x-tag' && value === 'a'));
  });

  it('has an entry for a client that left before the answer', async () => {
    log.length = 0;
    await assert.rejects(get('/delay/5', { signal: AbortSignal.timeout(50) }));
    if (log.length === 0) await once(server, 'logged');
    assert.deepEqual([log[0]?.path, log[0]?.status], ['/delay/5', 0]);
  });
});

describe('what it remembers', () => {
  it('tells the last requests, and neither remembers nor logs that', async () => {
    await (await get('/status/418', { headers: { 'x-tag': 'remembered' } })).text();
    const read = async () => (await (await get('/_arrivals')).json()) as { arrivals: LogEntry[] };
    await read();
    const { arrivals } = await read();
    const last = arrivals.at(-1);
    assert.equal(last?.path, '/status/418');
    assert.ok(last.headers.some(([name, value]) => name === 'x-tag' && value === 'remembered'));
    assert.ok(!log.some(entry => entry.path === '/_arrivals'));
  });
});
