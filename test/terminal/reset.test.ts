/** A sandbox that is reset while its world still starts, or twice at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSandbox, whyNoSandbox } from './sandbox.ts';

const skip = (await whyNoSandbox()) ?? false;

test('resets at once, from the first moment on, wait for each other', { skip }, async () => {
  const sandbox = await makeSandbox();
  try {
    const agent = await sandbox.connect();
    await Promise.all([1, 2, 3].map(() => agent.call('reset', { files: [] })));
    const said = await agent.call('execute', {
      command: ['echo', 'here'],
      user: 'learner',
      timeoutMs: 10_000,
      maximumOutput: 100,
    });
    assert.equal(said.standardOutput, 'here\n');
    agent.close();
  } finally {
    await sandbox.end();
  }
});
