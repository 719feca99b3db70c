import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { StatsStore } from '../stats/store.ts';
import { Sinks } from './sink.ts';

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'sink-'));
  const store = new StatsStore();
  const sinks = new Sinks({ flushIntervalMs: 60_000, stats: store.scope('filesystem.') });
  t.after(async () => {
    await sinks.closeAll();
    rmSync(folder, { recursive: true });
  });
  return { sinks, store, path: join(folder, 'access.log') };
}

test('lines are written in order, all of them at the end', async t => {
  const { sinks, path } = setUp(t);
  const sink = sinks.open(path);
  assert.equal(sinks.open(path), sink);
  for (let i = 0; i < 1000; i++) sink.write(`line ${i}\n`);
  sink.flush();
  sink.write('last\n');
  await sinks.closeAll();
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.deepEqual([lines[0], lines[999], lines[1000], lines.length], ['line 0', 'line 999', 'last', 1002]);
});

test('what does not fit is dropped and counted', async t => {
  const { sinks, store, path } = setUp(t);
  const sink = sinks.open(path);
  for (let i = 0; i < 40; i++) sink.write('x'.repeat(60_000));
  assert.ok(store.counter('filesystem.write_failed').value > 0);
  await sinks.closeAll();
  assert.equal(readFileSync(path).length % 60_000, 0);
});

test('a file that was moved away is opened anew', async t => {
  const { sinks, path } = setUp(t);
  const sink = sinks.open(path);
  sink.write('old\n');
  await sink.drain();
  renameSync(path, `${path}.1`);
  sinks.reopenAll();
  sink.write('new\n');
  await sink.drain();
  assert.deepEqual([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')], ['old\n', 'new\n']);
});
