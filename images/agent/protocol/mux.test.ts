import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { encodeHead, type Frame, FrameParser, initialCredit, kind, maximumBody } from './frames.ts';
import type { AgentEvent, AgentFailure, Hello, OpenRequest } from './messages.ts';
import { Mux, type MuxStream, type StreamHandlers } from './mux.ts';

/** Two ends of a byte stream that cuts its chunks anywhere. */
function pair(cut: (length: number) => number = length => length): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const make = (other: number): Duplex =>
    new Duplex({
      read: () => {},
      write(chunk: Buffer, _, done) {
        for (let at = 0; at < chunk.length; ) {
          const length = Math.max(1, Math.min(cut(chunk.length - at), chunk.length - at));
          ends[other]!.push(Buffer.from(chunk.subarray(at, at + length)));
          at += length;
        }
        done();
      },
      destroy(error, done) {
        const peer = ends[other]!;
        if (!peer.destroyed) setImmediate(() => peer.destroy());
        done(error);
      },
    });
  ends.push(make(1), make(0));
  return [ends[0]!, ends[1]!];
}

/** A small generator of numbers that are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % below;
  };
}

interface Recorded {
  mux: Mux;
  hello: Promise<Hello>;
  closed: Promise<Error | undefined>;
  events: AgentEvent[];
}
type Opened = (stream: MuxStream, request: OpenRequest) => StreamHandlers;

function record(end: Duplex, side: 'agent' | 'server', opened?: Opened): Recorded {
  const hello = Promise.withResolvers<Hello>();
  const closed = Promise.withResolvers<Error | undefined>();
  const events: AgentEvent[] = [];
  const mux = new Mux(end, side, {
    hello: hello.resolve,
    ...(opened ? { opened } : {}),
    event: event => events.push(event),
    closed: closed.resolve,
  });
  return { mux, hello: hello.promise, closed: closed.promise, events };
}

const quiet: StreamHandlers = { data: () => {}, end: () => {}, failed: () => {}, credit: () => {} };
const request = { method: 'usage', params: {} } as OpenRequest;

test('frames come out whole however the bytes are cut', () => {
  const random = numbers(7);
  for (let round = 0; round < 50; round++) {
    const frames = Array.from({ length: 20 }, (_, at) => ({
      stream: random(1000),
      kind: at % 6,
      body: Buffer.alloc(random(round === 0 ? 1 : 3000), at),
    }));
    const bytes = Buffer.concat(
      frames.flatMap(({ stream, kind: of, body }) => [encodeHead(stream, of as Frame['kind'], body.length), body]),
    );
    const parser = new FrameParser();
    const found: Frame[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + random(700);
      found.push(
        ...parser.push(bytes.subarray(at, at + length)).map(frame => ({ ...frame, body: Buffer.from(frame.body) })),
      );
      at += length;
    }
    assert.deepEqual(found, frames);
  }
});

test('a frame that is too long is refused before its body comes', () => {
  assert.throws(() => new FrameParser().push(encodeHead(1, kind.data, maximumBody + 1)), RangeError);
});

test('both greet, a stream carries data both ways and ends with a result', async () => {
  const random = numbers(3);
  const [left, right] = pair(length => 1 + random(length));
  const agent = record(right, 'agent', stream => ({
    ...quiet,
    data: body => {
      stream.send(Buffer.from(body.toString().toUpperCase()));
      stream.grant(body.length);
    },
    end: () => stream.finish({ done: true }),
  }));
  const server = record(left, 'server');
  agent.mux.greet('box1');
  server.mux.greet();
  assert.deepEqual(await server.hello, { protocol: 1, sandbox: 'box1' });
  const answers: string[] = [];
  const result = await new Promise<string>(resolve => {
    const stream = server.mux.open(request, {
      ...quiet,
      data: body => answers.push(body.toString()) === 2 && stream.endData(),
      end: body => resolve(body.toString()),
    });
    stream.send(Buffer.from('one'));
    stream.send(Buffer.from('two'));
  });
  assert.deepEqual(answers, ['ONE', 'TWO']);
  assert.equal(result, '{"done":true}');
  agent.mux.event({ type: 'changed', subject: 'files' });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(server.events, [{ type: 'changed', subject: 'files' }]);
  server.mux.close();
  await agent.closed;
});

test('no more is sent than was granted, and a grant lets more go', async () => {
  const [left, right] = pair();
  let received = 0;
  let agentStream: MuxStream | undefined;
  const agent = record(right, 'agent', stream => {
    agentStream = stream;
    return {
      ...quiet,
      data: body => {
        received += body.length;
      },
    };
  });
  const server = record(left, 'server');
  agent.mux.greet();
  server.mux.greet();
  const more = Promise.withResolvers<void>();
  const stream = server.mux.open(request, { ...quiet, credit: more.resolve });
  stream.send(Buffer.alloc(initialCredit));
  assert.equal(stream.credit, 0);
  assert.throws(() => stream.send(Buffer.from('x')), RangeError);
  await new Promise(setImmediate);
  assert.equal(received, initialCredit);
  agentStream!.grant(100);
  await more.promise;
  assert.equal(stream.credit, 100);
  server.mux.close();
});

type Sent = [stream: number, of: number, body: string | Buffer];
const greeting: Sent = [0, kind.open, '{"protocol":1}'];
const opening: Sent = [1, kind.open, '{"method":"usage","params":{}}'];
const rude: [string, Sent[]][] = [
  ['data before a hello', [[1, kind.data, 'x']]],
  ['a second hello', [greeting, greeting]],
  ['another version', [[0, kind.open, '{"protocol":99}']]],
  ['a hello that is no JSON', [[0, kind.open, '{{{']]],
  ['a hello that is no object', [[0, kind.open, 'null']]],
  ['an even stream', [greeting, [2, kind.open, '{"method":"usage","params":{}}']]],
  ['a stream opened twice', [greeting, opening, opening]],
  ['more data than the credit', [greeting, opening, [1, kind.data, Buffer.alloc(initialCredit)], [1, kind.data, 'x']]],
  ['an empty data frame', [greeting, opening, [1, kind.data, '']]],
  ['an unknown kind', [greeting, [0, 77, '']]],
  ['credit of a wrong size', [greeting, opening, [1, kind.credit, 'xx']]],
];
for (const [name, frames] of rude)
  test(`closes the connection on ${name}`, async () => {
    const [left, right] = pair();
    const agent = record(right, 'agent', () => quiet);
    for (const [stream, of, body] of frames) {
      const bytes = Buffer.from(body as string);
      left.write(Buffer.concat([encodeHead(stream, of as Frame['kind'], bytes.length), bytes]));
    }
    assert.ok((await agent.closed) instanceof Error);
  });

test('a lost connection fails every stream once', async () => {
  const [left, right] = pair();
  const agent = record(right, 'agent', () => quiet);
  const server = record(left, 'server');
  agent.mux.greet();
  server.mux.greet();
  const failures: AgentFailure[] = [];
  for (let at = 0; at < 3; at++) server.mux.open(request, { ...quiet, failed: failure => failures.push(failure) });
  right.destroy();
  await server.closed;
  assert.deepEqual(
    failures.map(({ code }) => code),
    ['cancelled', 'cancelled', 'cancelled'],
  );
});

test('noise never throws past the connection', async () => {
  const random = numbers(11);
  for (let round = 0; round < 30; round++) {
    const [left, right] = pair();
    const agent = record(right, 'agent', () => quiet);
    left.write(Buffer.from(Array.from({ length: 400 }, () => random(256))));
    left.destroy();
    await agent.closed;
  }
});
