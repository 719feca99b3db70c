import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplayRequest } from '../labs/content.ts';
import { judgeReplayed } from './replayed.ts';

const upstreams = { v1: 8001, v2: 8002 };
const sent = 100;
const arrived = (port: number, host: string) => ({
  upstream: `127.0.0.2:${port}`,
  method: 'GET',
  path: '/',
  headers: [['host', host]] as [string, string][],
  atMs: 0,
  status: 200,
});
const answer = { url: 'http://p/', status: 200, headers: [], body: '', durationMs: 1, truncated: false };

/** What is said of 100 requests to v1, of which so many had copies to v2. */
function judge(at: ReplayRequest['expect']['at'], copies: number, host = 'p-shadow'): string {
  const request = { url: 'http://p/', method: 'GET', headers: {}, count: sent, expect: { at: at ?? {} }, hint: null };
  const responses = Array.from({ length: sent }, () => answer);
  const arrivals = [
    ...Array.from({ length: sent }, () => arrived(8001, 'p')),
    ...Array.from({ length: copies }, () => arrived(8002, host)),
  ];
  const { passed, expected, found } = judgeReplayed(request, { responses, arrivals }, upstreams);
  return passed ? 'passed' : `${expected}; ${found}`;
}

test('what reached each upstream is judged by itself', () => {
  assert.equal(judge({ v1: { arrivals: 1 }, v2: { arrivals: 0 } }, 0), 'passed');
  assert.equal(judge({ v2: { arrivals: 1 } }, 99), '100 × GET p/: reaches v2 100 times; reached it 99 times');
});

test('a share of the requests may have copies', () => {
  assert.equal(judge({ v1: { arrivals: 1 }, v2: { percent: 50 } }, 45), 'passed');
  assert.equal(judge({ v2: { percent: 50 } }, 100), '100 × GET p/: 50 % reach v2; 100 of 100 did');
});

test('the headers of copies are their own', () => {
  const at = { v1: { headers: { host: 'p' } }, v2: { headers: { host: 'p-shadow' } } };
  assert.equal(judge(at, 100), 'passed');
  assert.equal(judge(at, 100, 'p'), '100 × GET p/: arrives at v2 with host: p-shadow; arrived with host: p');
});

test('requests that belong together may have to reach one upstream, or several', () => {
  const judged = (wanted: number, ports: number[]) => {
    const request = {
      url: 'http://p/',
      method: 'GET',
      headers: {},
      count: 2,
      expect: { upstreams: wanted },
      hint: null,
    };
    const arrivals = ports.map(port => arrived(port, 'p'));
    const { passed, expected, found } = judgeReplayed(request, { responses: [answer, answer], arrivals }, upstreams);
    return passed ? 'passed' : `${expected}; ${found}`;
  };
  assert.equal(judged(1, [8002, 8002]), 'passed');
  assert.equal(judged(2, [8002, 8001]), 'passed');
  assert.equal(judged(1, [8002, 8001]), '2 × GET p/: 1 upstream reached; 2: v1, v2');
  assert.equal(judged(1, []), '2 × GET p/: 1 upstream reached; 0: nothing arrived');
});
