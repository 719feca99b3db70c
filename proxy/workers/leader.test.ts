import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Leader } from './leader.ts';
import type { Report } from './news.ts';

/** Two more workers that do with what they hear what a text says. */
function lead(t: TestContext, onNews: string) {
  const folder = mkdtempSync(join(tmpdir(), 'leader-'));
  const program = join(folder, 'worker.cjs');
  const head = "const { parentPort, workerData } = require('node:worker_threads');";
  writeFileSync(program, `${head} parentPort.on('message', news => { ${onNews} });`);
  const reports: [worker: number, Report][] = [];
  const lost = Promise.withResolvers<string>();
  const owner = {
    onReport: (worker: number, report: Report) => void reports.push([worker, report]),
    onLost: (worker: number, reason: string) => lost.resolve(`${worker}: ${reason}`),
  };
  const leader = new Leader(3, owner, program);
  t.after(async () => {
    await leader.stop(0);
    rmSync(folder, { recursive: true });
  });
  return { leader, reports, lost: lost.promise };
}

const stops = "if (news.kind === 'stop') parentPort.postMessage({ kind: 'stopped' });";

test('what is told before they start is heard first, and in order', async t => {
  const told =
    "if (news.kind === 'stop') parentPort.postMessage({ kind: 'stopped', heard }); else heard.push(news.kind);";
  const { leader, reports } = lead(t, `globalThis.heard ??= []; ${told}`);
  leader.memory.buffer('a', 4);
  leader.tell({ kind: 'healthcheck', failed: true });
  leader.start(new Uint8Array());
  leader.tell({ kind: 'open', places: [] });
  await leader.stop(0);
  const heard = ['memory', 'healthcheck', 'start', 'open'];
  assert.deepEqual(
    reports
      .sort(([one], [other]) => one - other)
      .map(([worker, report]) => [worker, (report as { heard?: string[] }).heard]),
    [
      [1, heard],
      [2, heard],
    ],
  );
});

test('all are waited for, each time anew', async t => {
  const { leader, reports } = lead(
    t,
    `${stops} if (news.kind === 'collect') parentPort.postMessage({ kind: 'collected' });`,
  );
  leader.start(new Uint8Array());
  await leader.collect();
  await Promise.all([leader.collect(), leader.collect()]);
  assert.deepEqual(reports.map(([worker]) => worker).sort(), [1, 1, 2, 2]);
});

test('one that fails is missed, and why is told', async t => {
  const { leader, lost } = lead(t, `${stops} if (workerData.proxyWorker.index === 2) throw new Error('no more');`);
  leader.start(new Uint8Array());
  assert.match(await lost, /^2: Error: no more\n/);
});

test('one that ends by itself is missed', async t => {
  const { leader, lost } = lead(t, `${stops} if (workerData.proxyWorker.index === 1) process.exit(3);`);
  leader.start(new Uint8Array());
  assert.equal(await lost, '1: it ended with status 3');
});
