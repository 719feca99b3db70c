/**
 * What holds of the HTTP/1 codec whatever bytes come: it reads what a plain reading of RFC 9112 reads, however they are split, and what it read is
 * read the same by whoever gets it from us.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CodecError, defaultLimits } from '../http/codec.ts';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { nobody, type Transport, type TransportHandler } from '../net/transport.ts';
import { ClientConnection } from './client-connection.ts';
import { defaultOptions } from './options.ts';
import { methods, PlainReading, type Request, without } from './plain-reading.ts';
import { ServerConnection } from './server-connection.ts';

/** Keeps what is written; what is read is given to its handler by the test. */
class Wire implements Transport {
  handler: TransportHandler = nobody;
  readonly remoteAddress = '';
  readonly localAddress = '';
  closed = false;
  readonly wasReset = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly congested = false;
  readonly unsent = 0;
  written = '';
  writeText(text: string): void {
    this.written += text;
  }
  write(chunk: Buffer): void {
    this.written += chunk.toString('latin1');
  }
  flush(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {
    this.destroy();
  }
  reset(): void {
    this.destroy();
  }
  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.handler.onClose(undefined);
  }
}

interface Reading {
  requests: Request[];
  /** Undefined: nothing was wrong. */
  refused: number | undefined;
}

/** Lets what was put off to the next tick happen. */
const settled = () => new Promise(setImmediate);

/** Answers each request once it is whole. */
async function readByCodec(pieces: readonly string[]): Promise<Reading> {
  const reading: Reading = { requests: [], refused: undefined };
  const wire = new Wire();
  const newRequest = (sender: ServerConnection) => {
    const head = new RequestHeaders();
    let body = '';
    const answer = (status: number) => sender.sendHead(new ResponseHeaders(status), true, status !== 200);
    const onWhole = () => {
      const { method, path, authority, entries } = head;
      reading.requests.push({ method, target: path, host: authority, fields: entries, body });
      answer(200);
    };
    return {
      onRequestHead(came: RequestHeaders, end: boolean) {
        Object.assign(head, came);
        if (end) onWhole();
      },
      onRequestData(chunk: Buffer, end: boolean) {
        body += chunk.toString('latin1');
        if (end) onWhole();
      },
      onRequestTrailers() {},
      onRequestError(error: CodecError) {
        reading.refused = error.status;
        answer(error.status);
      },
      onRequestReset() {},
      onDownstreamCongested() {},
    };
  };
  const owner = {
    newRequest: sender => newRequest(sender as ServerConnection),
    onProtocolError() {},
    onConnectionClosed() {},
    onConnectionIdle() {},
  } satisfies ConstructorParameters<typeof ServerConnection>[1];
  new ServerConnection(wire, owner, { options: defaultOptions, limits: defaultLimits, lingerMs: 1000 });
  for (const piece of pieces) {
    if (wire.closed) break;
    wire.handler.onRead(Buffer.from(piece, 'latin1'));
    await settled();
  }
  wire.destroy();
  return reading;
}

// What is sent

const visible = fc.string({
  unit: fc
    .integer({ min: 33, max: 255 })
    .filter(code => code !== 127)
    .map(code => String.fromCharCode(code)),
});
const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
  maxLength: 40,
});
const blank = fc.constantFrom('', ' ', '\t ');
const line = fc
  .tuple(
    fc.constantFrom('x-a', 'X-Long-Name', 'accept', 'Cookie', '!#$'),
    blank,
    fc.array(visible).map(words => words.join(' ').trim()),
    blank,
  )
  .map(([name, before, value, behind]) => `${name}:${before}${value}${behind}\r\n`);
const connectionLine = fc.constantFrom('', '', '', 'connection: keep-alive\r\n', 'Connection: close\r\n');
const lines = fc
  .tuple(fc.array(line, { maxLength: 4 }), connectionLine)
  .map(([list, connection]) => list.join('') + connection);
const chunk = fc
  .tuple(
    bytes.filter(data => data !== ''),
    fc.constantFrom('', ';a', ';a="b c"', ' ', '\t;x'),
    fc.boolean(),
  )
  .map(([data, extension, upper]) => {
    const size = data.length.toString(16);
    return `${upper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`;
  });
const framed = fc.oneof(
  fc.constant('\r\n'),
  bytes.map(body => `Content-Length: ${body.length}\r\n\r\n${body}`),
  fc
    .tuple(fc.array(chunk, { maxLength: 4 }), fc.constantFrom('', 'x-end: 1\r\n', 'content-length: 3\r\n'))
    .map(([chunks, trailers]) => `transfer-encoding: chunked\r\n\r\n${chunks.join('')}0\r\n${trailers}\r\n`),
);
const request = fc
  .tuple(fc.constantFrom('', '\r\n'), fc.constantFrom(...methods.split(' ')), visible, lines, framed)
  .map(
    ([before, method, target, fields, rest]) => `${before}${method} /${target} HTTP/1.1\r\nhost: a\r\n${fields}${rest}`,
  );
const requests = fc.array(request, { minLength: 1, maxLength: 3 }).map(list => list.join(''));

const nasty = [
  ...'\r\n\0 \t:;,01aF-+."\x7f\x80',
  '\r\n',
  '\n\n',
  'chunked',
  'Content-Length: 1\r\n',
  '\r\n\r\n',
  '0\r\n\r\n',
  'x: a\r\n',
];
const harm = fc.record({ at: fc.nat(), cut: fc.integer({ min: 0, max: 3 }), put: fc.constantFrom('', ...nasty) });
const harms = fc.array(harm, { minLength: 1, maxLength: 3 });
const spoil = (text: string, list: readonly { at: number; cut: number; put: string }[]) =>
  list.reduce((whole, { at, cut, put }) => {
    const place = at % (whole.length + 1);
    return whole.slice(0, place) + put + whole.slice(place + cut);
  }, text);
const spoiled = fc.tuple(requests, harms).map(([text, list]) => spoil(text, list));
/** All ends in empty lines: before a line's end comes, one that is wrong need not have been looked at. */
const anything = fc.oneof(requests, spoiled, bytes).map(text => `${text}\r\n\r\n`);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

function split(text: string, places: readonly number[]): string[] {
  const sorted = [...new Set(places.map(place => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...sorted, text.length].map((end, i) => text.slice(sorted[i - 1] ?? 0, end)).filter(piece => piece !== '');
}

test('requests are read as a plain reading reads them, or refused where it refuses', async () => {
  await fc.assert(
    fc.asyncProperty(anything, async text => {
      const reading = await readByCodec([text]);
      const reference = new PlainReading(text);
      const outcome = reference.read();
      assert.deepEqual(reading.requests, reference.requests);
      // What has not ended yet may be refused already.
      if (outcome !== 'unfinished') assert.equal(reading.refused !== undefined, outcome === 'refused');
    }),
    { numRuns: 4000 },
  );
});

test('requests are read the same however their bytes are split', async () => {
  await fc.assert(
    fc.asyncProperty(anything, cuts, async (text, places) => {
      assert.deepEqual(await readByCodec(split(text, places)), await readByCodec([text]));
    }),
    { numRuns: 2000 },
  );
});

test('what was read is sent so that it is read the same', async () => {
  await fc.assert(
    fc.asyncProperty(anything, cuts, async (text, places) => {
      for (const came of (await readByCodec([text])).requests) {
        const wire = new Wire();
        const head = new RequestHeaders();
        head.method = came.method;
        head.path = came.target;
        head.authority = came.host;
        // As the connection manager leaves them.
        head.entries = without(came.fields, 'transfer-encoding', 'connection');
        const owner = {
          onExchangeDone() {},
          onProtocolError() {},
          onGoAway() {},
          onCapacityChanged() {},
          onConnectionClosed() {},
        };
        const client = new ClientConnection(wire, owner, defaultLimits);
        const pieces = split(came.body, places);
        const sender = client.start(head, pieces.length === 0, silent);
        for (const [i, piece] of pieces.entries())
          sender.sendData(Buffer.from(piece, 'latin1'), i === pieces.length - 1);
        const again = await readByCodec([wire.written]);
        const framing = ['content-length', 'transfer-encoding', 'connection'];
        const bare = (one: Request) => ({ ...one, fields: without(one.fields, ...framing) });
        assert.deepEqual([again.requests.map(bare), again.refused], [[bare(came)], undefined]);
      }
    }),
    { numRuns: 1500 },
  );
});

test('empty lines before a request are not kept, though the request begins with them', () => {
  const wire = new Wire();
  const paths: string[] = [];
  let begun = 0;
  const owner = {
    newRequest: () => {
      begun++;
      return { ...ignoring, onRequestHead: (head: RequestHeaders) => void paths.push(head.path) };
    },
    onProtocolError() {},
    onConnectionClosed() {},
    onConnectionIdle() {},
  };
  new ServerConnection(wire, owner, {
    options: defaultOptions,
    limits: defaultLimits,
    lingerMs: 1000,
  });
  for (const piece of ['\r', '\n', '\r\n'.repeat(1000), '\r\n\r', '\n']) wire.handler.onRead(Buffer.from(piece));
  wire.handler.onRead(Buffer.from('GET /a HTTP/1.1\r\nhost: b\r\n\r\n'));
  assert.deepEqual([begun, paths], [1, ['/a']]);
});

const ignoring = {
  onRequestData() {},
  onRequestTrailers() {},
  onRequestError: () => assert.fail(),
  onRequestReset() {},
  onDownstreamCongested() {},
};

const silent = {
  onSent() {},
  onInterim() {},
  onHead() {},
  onData() {},
  onTrailers() {},
  onReset() {},
  onUpstreamCongested() {},
};

const status = fc.constantFrom('200 OK', '204 No Content', '304', '103 Early Hints', '500 ', '101 Switching', '200');
const response = fc
  .tuple(fc.constantFrom('1.1', '1.1', '1.0'), status, lines, framed)
  .map(([version, said, fields, rest]) => `HTTP/${version} ${said}\r\n${fields}${rest}`);
const responses = fc.array(response, { minLength: 1, maxLength: 2 }).map(list => list.join(''));
const anyResponse = fc
  .oneof(
    responses,
    fc.tuple(responses, harms).map(([text, list]) => spoil(text, list)),
    bytes,
  )
  .map(text => `${text}\r\n\r\n`);

/** What the receiver of a response hears; data as one. */
function heard(pieces: readonly string[], method: string): unknown[] {
  const wire = new Wire();
  const events: unknown[] = [];
  let body = '';
  let whole = false;
  const receiver = {
    ...silent,
    onHead(head: ResponseHeaders, end: boolean) {
      events.push(['head', head.status, head.entries, end]);
      whole = end;
    },
    onData(chunk: Buffer, end: boolean) {
      body += chunk.toString('latin1');
      whole = end;
    },
    onReset: (reason: string) => events.push(reason),
  };
  const owner = {
    onExchangeDone() {},
    // What comes behind a response is an error where it comes with it, and may go unread where it comes later.
    onProtocolError: () => whole || events.push('protocol error'),
    onGoAway() {},
    onCapacityChanged() {},
    onConnectionClosed() {},
  };
  const client = new ClientConnection(wire, owner, defaultLimits);
  const head = new RequestHeaders();
  head.method = method;
  client.start(head, true, receiver);
  for (const piece of pieces) if (!wire.closed) wire.handler.onRead(Buffer.from(piece, 'latin1'));
  wire.handler.onEnd();
  wire.destroy();
  return [events, body, whole];
}

test('responses are read the same however their bytes are split', () => {
  fc.assert(
    fc.property(anyResponse, cuts, fc.constantFrom('GET', 'HEAD'), (text, places, method) => {
      assert.deepEqual(heard(split(text, places), method), heard([text], method));
    }),
    { numRuns: 4000 },
  );
});
