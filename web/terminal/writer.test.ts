import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputWriter } from './writer.ts';

/** A terminal that parses when it is told to. */
function harness() {
  const written: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  const acknowledged: number[] = [];
  const writer = new OutputWriter(
    (bytes, done) => {
      written.push(bytes);
      waiting.push(done);
    },
    offset => acknowledged.push(offset),
  );
  const parse = () => waiting.shift()?.();
  return { writer, written, waiting, acknowledged, parse };
}

test('a megabyte is written in slices, two at a time, whole and in order', () => {
  const { writer, written, waiting, acknowledged, parse } = harness();
  const bytes = Uint8Array.from({ length: 1 << 20 }, (_, index) => index % 251);
  writer.push(100, bytes);
  assert.equal(waiting.length, 2);
  while (waiting.length > 0) {
    assert.ok(waiting.length <= 2);
    parse();
  }
  assert.deepEqual(Buffer.concat(written), Buffer.from(bytes));
  assert.equal(acknowledged.at(-1), 100 + bytes.length);
  assert.deepEqual(
    acknowledged,
    acknowledged.toSorted((one, other) => one - other),
  );
  assert.ok(acknowledged.length >= 16, 'often enough that the agent need not pause');
});

test('a key’s echo is acknowledged at once', () => {
  const { writer, acknowledged, parse } = harness();
  writer.push(7, Uint8Array.of(97));
  parse();
  assert.deepEqual(acknowledged, [8]);
});

test('what was under way when a snapshot came acknowledges nothing', () => {
  const { writer, waiting, acknowledged, parse } = harness();
  writer.push(0, new Uint8Array(200_000));
  const stale = waiting.splice(0);
  writer.restart(500_000);
  for (const done of stale) done();
  assert.deepEqual(acknowledged, []);
  writer.push(500_000, new Uint8Array(10));
  parse();
  assert.deepEqual(acknowledged, [500_010]);
});

test('what is to be done afterwards comes after what was written before, and before what comes later', () => {
  const { writer, written, parse } = harness();
  let writtenThen = -1;
  writer.push(0, Uint8Array.of(1));
  writer.afterwards(() => {
    writtenThen = written.length;
  });
  writer.push(1, Uint8Array.of(2));
  assert.equal(writtenThen, -1);
  parse();
  assert.equal(writtenThen, -1, 'the first is on the screen, the turn of the action comes with the next');
  parse();
  assert.deepEqual(
    written.slice(0, writtenThen).map(bytes => [...bytes]),
    [[1], [], [2]],
  );
});

test('a snapshot drops what was still to be done', () => {
  const { writer, parse } = harness();
  let done = 0;
  writer.push(0, Uint8Array.of(1));
  writer.afterwards(() => {
    done += 1;
  });
  writer.restart(10);
  parse();
  parse();
  assert.equal(done, 0);
});
