import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplayRequest } from '../labs/content.ts';
import type { Replayed } from './observation.ts';
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

test('a call of gRPC is judged by the status in its trailers, or in its head', () => {
  const judged = (head: [string, string][], trailers: [string, string][], arrivals = 1) => {
    const url = 'http://p/a.B/C';
    const expect = { status: 200, grpcStatus: 4, arrivals: 1 };
    const request = { url, method: 'GET', grpc: true as const, headers: {}, count: 1, expect, hint: null };
    const replayed = {
      responses: [{ ...answer, url, headers: head, trailers }],
      arrivals: Array.from({ length: arrivals }, () => arrived(8001, 'p')),
    };
    const { passed, expected, found } = judgeReplayed(request, replayed, upstreams);
    return passed ? 'passed' : `${expected}; ${found}`;
  };
  assert.equal(judged([], [['grpc-status', '4']]), 'passed');
  assert.equal(judged([['grpc-status', '4']], []), 'passed');
  const wanted = 'gRPC p/a.B/C: 200 with grpc-status 4';
  assert.equal(judged([], [['grpc-status', '14']]), `${wanted}; 200 with grpc-status 14 after 0.00 s`);
  assert.equal(judged([], []), `${wanted}; 200 with grpc-status missing after 0.00 s`);
  assert.equal(judged([], [['grpc-status', '4']], 2), 'gRPC p/a.B/C: reaches greeter once; reached it 2 times');
});

describe('TLS', () => {
  const refused = {
    url: 'https://p/',
    error: 'the connection was refused: certificate required',
    refused: true,
  } as const;
  const late = { url: 'https://p/', error: 'no answer from https://p/ within 5000 ms' };
  const certificate = { subject: 'CN=a.example', subjectAltNames: ['a.example', 'www.a.example'] };
  const shown = { ...answer, url: 'https://p/', certificate };
  const client = { name: 'till.crt', certificate: '', key: '' };

  /** What is said of one request, and of what came of it. */
  function judgeOne(own: Partial<ReplayRequest>, response: Replayed['responses'][number], arrivals = 0): string {
    const request = { url: 'https://p/', method: 'GET', headers: {}, count: 1, expect: {}, hint: null, ...own };
    const replayed = { responses: [response], arrivals: Array.from({ length: arrivals }, () => arrived(8001, 'p')) };
    const { passed, expected, found } = judgeReplayed(request, replayed, upstreams);
    return passed ? 'passed' : `${expected}; ${found}`;
  }

  test('a refusal may be what is expected; an answer, or none in time, is not one', () => {
    const expect = { refused: true, arrivals: 0 } as const;
    const wanted = 'GET https://p/: is refused, without an answer';
    assert.equal(judgeOne({ expect }, refused), 'passed');
    assert.equal(judgeOne({ expect }, shown), `${wanted}; 200 after 0.00 s`);
    assert.equal(judgeOne({ expect }, late), `${wanted}; ${late.error}`);
    assert.equal(judgeOne({ expect }, refused, 1), 'GET https://p/: reaches httpbin 0 times; reached it once');
  });

  test('a refusal where an answer was expected tells who asked, and why', () => {
    const own = { serverName: 'a.example', client, expect: { status: 200 } };
    const wanted = 'GET https://p/ for a.example with the certificate till.crt: 200';
    assert.equal(judgeOne(own, refused), `${wanted}; the connection was refused: certificate required`);
    const nobody = { serverName: '', expect: { status: 200 } };
    assert.equal(judgeOne(nobody, refused), `GET https://p/ for no name: 200; ${refused.error}`);
  });

  test('the certificate that is shown has to have the name', () => {
    const expect = (name: string) => ({ expect: { status: 200, certificate: name } });
    assert.equal(judgeOne(expect('www.a.example'), shown), 'passed');
    const wanted = 'GET https://p/: shows a certificate for b.example';
    assert.equal(judgeOne(expect('b.example'), shown), `${wanted}; it is for a.example, www.a.example`);
    assert.equal(judgeOne(expect('b.example'), answer), `${wanted}; it shows none`);
  });
});
