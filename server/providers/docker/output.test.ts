import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { firstAnswer } from './output.ts';

const frame = (stream: 1 | 2, text: string): Buffer => {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

/** What is answered to a container's output, whose bytes come one by one. */
function answerTo(bytes: Buffer, ends = true) {
  const [daemon, ours] = duplexPair();
  for (const byte of bytes) daemon.write(Buffer.from([byte]));
  if (ends) daemon.end();
  return firstAnswer(ours, AbortSignal.timeout(200));
}

test('the first line is the answer, however the output is split', async () => {
  const output = Buffer.concat([
    frame(1, '{"id":1,'),
    frame(2, 'a warning'),
    frame(1, '"result":{"works":true}}\nmore'),
  ]);
  assert.deepEqual(await answerTo(output, false), { result: { works: true } });
  assert.deepEqual(await answerTo(frame(1, '{"error":{"message":"no"}}\n')), { error: 'no' });
});

test('a container that ends, complains, says something else or nothing is told in words', async () => {
  await assert.rejects(answerTo(Buffer.alloc(0)), /ended without a word/);
  await assert.rejects(answerTo(frame(2, 'sh: 1: node: not found\n')), { message: 'sh: 1: node: not found' });
  await assert.rejects(answerTo(frame(1, 'Segmentation fault\n')), /the container said: Segmentation fault/);
  await assert.rejects(answerTo(frame(1, '{"id":1'), false), /did not answer in time/);
});
