import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodecError, defaultLimits } from '../http/codec.ts';
import type { HeaderMap } from '../http/headers.ts';
import { BodyDecoder } from './body-decoder.ts';
import { HeadParser, headEnd, incomplete } from './head-parser.ts';

const head =
  'POST /a?b=c HTTP/1.1\r\nHost: x.test\r\nX-Own-Name:  some value \r\nContent-Length: 5\r\nACCEPT: */*\r\n\r\n';

function refusal(text: string): CodecError {
  try {
    new HeadParser(defaultLimits).parseRequest(text, 0);
  } catch (error) {
    assert.ok(error instanceof CodecError);
    return error;
  }
  throw new Error(`accepted: ${JSON.stringify(text)}`);
}

test('a head is parsed whole, names in lower case, values trimmed', () => {
  const parser = new HeadParser(defaultLimits);
  assert.equal(parser.parseRequest(`${head}hello`, 0), head.length);
  assert.deepEqual(
    [parser.method, parser.target, parser.minor, parser.host, parser.contentLength],
    ['POST', '/a?b=c', 1, 'x.test', 5],
  );
  assert.deepEqual(parser.entries, [
    ...['host', 'x.test', 'x-own-name', 'some value'],
    ...['content-length', '5', 'accept', '*/*'],
  ]);
});

test('every prefix of a head is incomplete', () => {
  const parser = new HeadParser(defaultLimits);
  for (let length = 0; length < head.length; length++) {
    assert.equal(parser.parseRequest(head.slice(0, length), 0), incomplete, `at ${length}`);
  }
});

test('what two parsers could read differently is refused, with the status that Envoy gives', () => {
  const cases: [string, number][] = [
    ['GET / HTTP/1.1\nhost: a\n\n', 400],
    ['GET / HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n', 501],
    ['POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n', 501],
    ['GET / HTTP/1.1\r\nname : value\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nname: a\0b\r\n\r\n', 400],
    ['GET / HTTP/1.2\r\n\r\n', 426],
    ['GET /\r\n', 426],
    ['GET / \r\n', 426],
    ['GET x\r\n', 400],
    ['GET /\rx', 400],
    ['FOO / HTTP/1.1\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(101)}\r\n`, 431],
    [`GET / HTTP/1.1\r\na: ${'b'.repeat(62_000)}`, 431],
  ];
  for (const [text, status] of cases) assert.equal(refusal(text).status, status, JSON.stringify(text.slice(0, 60)));
});

/** What a body decoder hears of some bytes that arrive in the given pieces. */
function decode(pieces: readonly Buffer[]): { body: string; ends: number; trailers: string[]; rest: number } {
  const heard = { body: '', ends: 0, trailers: [] as string[], rest: 0 };
  const sink = {
    onBody(chunk: Buffer, end: boolean) {
      heard.body += chunk.toString('latin1');
      if (end) heard.ends++;
    },
    onBodyTrailers(trailers: HeaderMap) {
      heard.trailers = trailers.entries;
      heard.ends++;
    },
  };
  const decoder = new BodyDecoder(sink, defaultLimits);
  decoder.startChunked();
  for (const piece of pieces) heard.rest += piece.length - decoder.feed(piece, 0);
  return heard;
}

test('a chunked body is the same however it is split', () => {
  const wire = Buffer.from('3\r\nabc\r\n0A;x="y"\r\n0123456789\r\n0\r\nx-end: 1\r\nx-two: b\r\n\r\nnext');
  const whole = decode([wire]);
  assert.deepEqual(whole, { body: 'abc0123456789', ends: 1, trailers: ['x-end', '1', 'x-two', 'b'], rest: 4 });
  for (let round = 0; round < 500; round++) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < wire.length; ) {
      const size = 1 + Math.floor(Math.random() * 9);
      pieces.push(wire.subarray(at, at + size));
      at += size;
    }
    assert.deepEqual(decode(pieces), whole);
  }
});

test('a chunk that breaks the rules is refused', () => {
  for (const wire of ['zz\r\n', '3\nabc', '3\r\nabcd\r\n', '\r\n', '1234567890123\r\n']) {
    assert.throws(() => decode([Buffer.from(wire)]), CodecError, JSON.stringify(wire));
  }
});

test('where a head ends in a large read, and all of a small one', () => {
  const body = 'b\r\n\r\n'.repeat(2000);
  const head = 'HTTP/1.1 200 OK\r\na: b\r\n\r\n';
  assert.equal(headEnd(Buffer.from(`${body}${head}${body}`), body.length), body.length + head.length);
  assert.equal(headEnd(Buffer.from(`${head}b`), 0), head.length + 1);
  assert.equal(headEnd(Buffer.alloc(10_000, 'a'), 0), 10_000);
});
