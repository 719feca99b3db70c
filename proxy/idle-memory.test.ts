import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

/** Leaves 48 MB of garbage in the old space, tells how much the process holds, and again once that is half. */
const program = `
import { collectWhenIdle } from ${JSON.stringify(join(import.meta.dirname, 'idle-memory.ts'))};
let kept = Array.from({ length: 6 }, () => new Array(1 << 20).fill(1));
const { rss } = process.memoryUsage;
const full = rss();
kept = undefined;
collectWhenIdle();
console.log('full');
setInterval(() => { if (rss() < full - 30e6) { console.log('settled'); process.exit(); } }, 100);
`;

test('a program that rests gives back what it no longer needs', async () => {
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) said.push(line);
  clearTimeout(timer);
  assert.deepEqual(said, ['full', 'settled']);
});
