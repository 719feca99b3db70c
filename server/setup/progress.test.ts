import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const progress = JSON.stringify(join(import.meta.dirname, 'progress.mjs'));

/** A set-up that runs a command which goes on for long; answered once that runs. */
async function startSetup(context: TestContext, command: string, options: object) {
  const program = `
    const { run } = await import(${progress});
    const options = ${JSON.stringify({ stdio: ['ignore', 'inherit', 'inherit'], ...options })};
    await run('sh', ['-c', ${JSON.stringify(command)}], options);
    console.log('went on');`;
  const setup = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => setup.kill('SIGKILL'));
  let output = '';
  setup.stdout.on('data', chunk => {
    output += chunk;
  });
  setup.stderr.on('data', chunk => {
    output += chunk;
  });
  await once(setup.stdout, 'data');
  return { setup, output: () => output };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends what the set-up started, with all that it started in turn, and then the set-up`, async context => {
    const { setup, output } = await startSetup(context, 'trap "" INT TERM HUP; echo began; sleep 60 & sleep 60', {
      whole: true,
    });
    setup.kill(signal);
    // closed: nobody holds its output any more
    const [code, endedBy] = await once(setup, 'close');
    assert.deepEqual([code, endedBy], [null, signal]);
    assert.match(output(), /^began\n\nThe set-up was stopped\./);
    assert.doesNotMatch(output(), /went on/);
  });
}

test('what must not be cut off is told, and waited for', async context => {
  const command = 'trap "echo finished; exit 0" TERM; echo began; while :; do sleep 0.05; done';
  const { setup, output } = await startSetup(context, command, {});
  setup.kill('SIGTERM');
  const [, endedBy] = await once(setup, 'close');
  assert.equal(endedBy, 'SIGTERM');
  assert.match(output(), /^began\nfinished\n\nThe set-up was stopped/);
});
