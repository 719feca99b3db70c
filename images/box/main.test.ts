import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

/** What the program answers to these lines, by the time it exits. */
async function answers(lines: string[]): Promise<{ id: unknown; result?: unknown; error?: { code: string } }[]> {
  const program = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'main.ts')]);
  const said: string[] = [];
  createInterface({ input: program.stdout }).on('line', line => said.push(line));
  program.stdin.end(lines.map(line => `${line}\n`).join(''));
  const [status] = await once(program, 'close');
  assert.equal(status, 0);
  return said.map(line => JSON.parse(line));
}

test('what it cannot read or does not know is answered, and the next request too', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-box-'));
  context.after(() => rm(folder, { recursive: true }));
  const list = JSON.stringify({ id: 3, method: 'list', params: { sandboxes: join(folder, 'none') } });
  const said = await answers(['no json', 'null', '{"id": 2, "method": "dance"}', list]);
  assert.equal(said.length, 4);
  assert.equal(said.filter(({ error }) => error).length, 3);
  assert.equal(said.find(({ id }) => id === 2)?.error?.code, 'invalid');
  assert.deepEqual(said.find(({ id }) => id === 3)?.result, { sandboxes: [] });
});
