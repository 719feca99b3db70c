import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { AgentClient } from '../../server/agent/client.ts';
import type { Exercise, Workshop } from '../../server/labs/content.ts';
import { type Rehearsed, rehearsalReport, rehearse } from '../../server/labs/rehearse.ts';
import { LocalProvider } from '../../server/providers/local/provider.ts';

const top = resolve(import.meta.dirname, '../..');

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'reh-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function usable(context: TestContext): Promise<boolean> {
  const report = await new LocalProvider({ data: await temporaryFolder(context) }).probe();
  if (!report.usable || report.maximumSandboxes < 3) context.skip('this machine has no three local sandboxes at once');
  return report.usable && report.maximumSandboxes >= 3;
}

/** Starts `labs rehearse`, all of whose folders are below a folder of its own. */
async function startRehearsal(context: TestContext, args: string[], given?: string) {
  const folder = given ?? (await temporaryFolder(context));
  const child = spawn(process.execPath, [join(top, 'server/labs/main.ts'), 'rehearse', ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([output, errors, [status]]) => ({ status, output, errors }),
  );
  return { child, ended, folder, left: () => readdir(folder) };
}

/** Waits for an entry of a folder. */
async function appears(folder: string, name: RegExp): Promise<string> {
  const watcher = watch(folder);
  try {
    for (;;) {
      const changed = once(watcher, 'change', { signal: AbortSignal.timeout(30_000) });
      changed.catch(() => {});
      const found = (await readdir(folder)).find(one => name.test(one));
      if (found !== undefined) return found;
      await changed;
    }
  } finally {
    watcher.close();
  }
}

test('three learners at once rehearse a lesson, and nothing is left of them', async context => {
  if (!(await usable(context))) return;
  const { ended, left } = await startRehearsal(context, ['--learners', '3', '2.1']);
  const { status, output, errors } = await ended;
  assert.equal(status, 0, output + errors);
  assert.match(output, /^time to ready {4}p50 \d+\.\d\d s, p90 \d+\.\d\d s, max \d+\.\d\d s$/m);
  assert.match(output, /^memory {11}p50 [1-9]\d* MiB/m);
  assert.match(output, /^✓ 2\.1 httpbin-answers: 3 of 3 /m);
  assert.match(output, /^3 of 3 learners passed everything$/m);
  assert.deepEqual(await left(), []);
});

test('what a run that was killed has left is removed by the next one, and what another run has is not', async context => {
  if (!(await usable(context))) return;
  const killed = await startRehearsal(context, ['--learners', '1', '2.1']);
  const data = join(killed.folder, await appears(killed.folder, /^unicorn-labs-local-/));
  await appears(data, /^sandboxes$/);
  await appears(join(data, 'sandboxes'), /^labs/);
  const running = await startRehearsal(context, ['--learners', '1', '2.1'], killed.folder);
  killed.child.kill('SIGKILL');
  await killed.ended;
  await utimes(data, 0, 0);
  const next = await startRehearsal(context, ['--learners', '1', '2.1'], killed.folder);
  for (const { ended } of [running, next]) {
    const { status, output, errors } = await ended;
    assert.equal(status, 0, output + errors);
  }
  assert.deepEqual(await next.left(), []);
});

test('what fails is told by learner and check, and in the exit status', async context => {
  if (!(await usable(context))) return;
  const labs = await temporaryFolder(context);
  await cp(join(top, 'labs'), labs, { recursive: true });
  const solution = join(labs, 'lessons/2.6-retries/solution/proxy.yaml');
  const content = await readFile(solution, 'utf8');
  assert.ok(content.includes('num_retries: 3'));
  await writeFile(solution, content.replace('num_retries: 3', 'num_retries: 2'));
  const { ended } = await startRehearsal(context, ['--learners', '2', 'retry-three-times', '--labs', labs]);
  const { status, output } = await ended;
  assert.equal(status, 1, output);
  assert.match(output, /^✗ 2\.6 retry-three-times: 0 of 2 /m);
  for (const learner of [1, 2]) {
    assert.match(
      output,
      new RegExp(`^ {4}learner ${learner}: passes after the solution: tries-four-times failed`, 'm'),
    );
  }
  assert.match(output, /^0 of 2 learners passed everything$/m);
});

test('Ctrl-C ends a rehearsal with all of its sandboxes', async context => {
  if (!(await usable(context))) return;
  const { child, ended, left } = await startRehearsal(context, ['--learners', '2']);
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const { status, errors } = await ended;
  assert.equal(status, 2);
  assert.match(errors, /^interrupted$/m);
  assert.deepEqual(await left(), []);
});

test('more learners than may run at once wait for a place, also where a sandbox cannot be made', async () => {
  let [made, running, most] = [0, 0, 0];
  const make = async () => {
    const number = ++made;
    running++;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    if (number === 3) {
      running--;
      throw new Error('no sandbox');
    }
    const end = async () => void running--;
    return { agent: {} as AgentClient, end };
  };
  const { signal } = new AbortController();
  const met = await rehearse({} as Workshop, [], 7, { sandboxes: { make, maximum: 3 }, signal });
  assert.deepEqual([made, running, most], [7, 0, 3]);
  assert.deepEqual(met.map(({ failure }) => failure).filter(Boolean), ['no sandbox']);
});

test('the report tells the middle, the slow tenth and the slowest', () => {
  const exercise = { id: 'one', lesson: '1.1' } as Exercise;
  const cases = [{ name: 'passes', passed: true, detail: '', durationMs: 1500 }];
  const learner = (readyMs: number): Rehearsed => ({
    readyMs,
    memoryBytes: 10 * 2 ** 20,
    exercises: new Map([['one', cases]]),
    failure: null,
  });
  const everyone = Array.from({ length: 10 }, (_, index) => learner((10 - index) * 1000));
  const all = rehearsalReport([exercise], everyone);
  assert.equal(all.failed, 0);
  assert.match(all.text, /p50 5\.00 s, p90 9\.00 s, max 10\.00 s/);
  everyone[3] = { readyMs: null, memoryBytes: null, exercises: new Map(), failure: 'no place' };
  const { text: told, failed } = rehearsalReport([exercise], everyone);
  assert.equal(failed, 1);
  assert.match(told, /^✗ 1\.1 one: 9 of 10 \(p50 1\.5 s/m);
  assert.match(told, /^✗ learner 4: no place$/m);
});
