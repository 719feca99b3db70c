import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { ExecStream } from './exec-stream.ts';

const timeout = 5000;

function pair(context: TestContext): { stream: ExecStream; daemon: Duplex } {
  const [connection, daemon] = duplexPair();
  const stream = new ExecStream(connection);
  context.after(() => {
    stream.destroy();
    daemon.destroy();
  });
  return { stream, daemon };
}

/** As Docker sends what a command writes: 1 is its output, 2 what it complains of. */
function frame(kind: 1 | 2, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = kind;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

test('what a command writes arrives whole however its frames are cut, and the end of it closes the stream', {
  timeout,
}, async context => {
  const { stream, daemon } = pair(context);
  const closed = once(stream, 'close');
  const bytes = Buffer.concat([frame(1, 'hello '), frame(1, 'world')]);
  for (const byte of bytes) daemon.write(Buffer.of(byte));
  daemon.end();
  assert.equal(Buffer.concat(await stream.toArray()).toString(), 'hello world');
  await closed;
});

test('what a command complains of is the error at its end', { timeout }, async context => {
  const { stream, daemon } = pair(context);
  const failed = once(stream, 'error');
  daemon.end(frame(2, 'no such program\n'));
  const [error] = await failed;
  assert.equal((error as Error).message, 'no such program');
});

test('a connection that breaks off, with the end of nothing, closes the stream', { timeout }, async context => {
  const { stream, daemon } = pair(context);
  stream.resume();
  const closed = once(stream, 'close');
  daemon.destroy();
  await closed;
  assert.ok(stream.destroyed);
});

test('what is written arrives as it is, and our end is passed on', { timeout }, async context => {
  const { stream, daemon } = pair(context);
  stream.resume();
  stream.end('input');
  assert.equal(Buffer.concat(await daemon.toArray()).toString(), 'input');
});
