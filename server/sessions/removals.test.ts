import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../log.ts';
import type { Sandbox } from '../providers/provider.ts';
import { Removals } from './removals.ts';

const timeout = 5000;

/** Goes with its third end. */
function stubborn(): Sandbox & { ends: number } {
  const sandbox = {
    ...{ id: 'box', home: 'home', ends: 0 },
    connect: () => Promise.reject(new Error('not here')),
    end: async () => {
      sandbox.ends++;
      if (sandbox.ends < 3) throw new Error('the node does not answer');
    },
  };
  return sandbox;
}

test('what does not go is told to go until it does, and counted meanwhile', { timeout }, async () => {
  const removals = new Removals(
    createLog('error', 'text', () => {}),
    [1, 2],
  );
  const sandbox = stubborn();
  const { promise, resolve } = Promise.withResolvers<void>();
  removals.retry(sandbox, new Error('hangs'), resolve);
  removals.retry(sandbox, new Error('hangs'), () => assert.fail('one at a time'));
  assert.equal(removals.hanging, 1);
  await promise;
  await new Promise(setImmediate);
  assert.deepEqual([sandbox.ends, removals.hanging], [3, 0]);
});

test('the end of the server ends the tries', { timeout }, async () => {
  const removals = new Removals(
    createLog('error', 'text', () => {}),
    [60_000],
  );
  const sandbox = stubborn();
  removals.retry(sandbox, new Error('hangs'), () => assert.fail('it is not gone'));
  removals.close();
  await new Promise(setImmediate);
  assert.equal(sandbox.ends, 0);
});
