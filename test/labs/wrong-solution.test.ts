import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LocalProvider } from '../../server/providers/local/provider.ts';

const top = resolve(import.meta.dirname, '../..');

interface Run {
  status: number;
  output: string;
}

/** `labs test` on a copy of the content in which one text of a file is another. */
async function labsTest(
  context: TestContext,
  change: { file: string; text: string; by: string },
  exercise: string,
): Promise<Run & { report: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-wrong-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  await cp(join(top, 'labs'), folder, { recursive: true });
  const file = join(folder, change.file);
  const content = await readFile(file, 'utf8');
  assert.ok(content.includes(change.text));
  await writeFile(file, content.replace(change.text, change.by));
  const report = join(folder, 'report.xml');
  const program = join(top, 'server/labs/main.ts');
  const run = await new Promise<Run>(resolve => {
    execFile(
      process.execPath,
      [program, 'test', exercise, '--labs', folder, '--junit', report],
      (error, stdout, stderr) => resolve({ status: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
  return { ...run, report: await readFile(report, 'utf8').catch(() => '') };
}

async function usable(context: TestContext): Promise<boolean> {
  const data = await mkdtemp(join(tmpdir(), 'unicorn-probe-'));
  context.after(() => rm(data, { recursive: true, force: true }));
  const report = await new LocalProvider({ data }).probe();
  if (!report.usable) context.skip('this machine has no local sandboxes');
  return report.usable;
}

test('a wrong solution fails labs test, by the check that refuses it', async context => {
  if (!(await usable(context))) return;
  const file = 'lessons/2.6-retries/solution/proxy.yaml';
  const { status, output, report } = await labsTest(
    context,
    { file, text: 'num_retries: 3', by: 'num_retries: 2' },
    'retry-three-times',
  );
  assert.equal(status, 1, output);
  assert.match(output, /✗ passes after the solution/);
  assert.match(output, /tries-four-times failed; .*reaches httpbin 4 times; found reached it 3 times/);
  assert.match(report, /<testsuites tests="\d+" failures="[1-9]/);
  assert.match(report, /<failure message="tries-four-times failed/);
});

test('a check that lets a near-miss pass fails labs test', async context => {
  if (!(await usable(context))) return;
  const change = { file: 'lessons/2.1-httpbin/lesson.yaml', text: 'path: /headers', by: 'path: /get' };
  const { status, output } = await labsTest(context, change, 'httpbin-answers');
  assert.equal(status, 1, output);
  assert.match(output, /✗ fails on "only another path was called"/);
});
