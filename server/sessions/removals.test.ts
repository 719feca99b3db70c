import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../log.ts';
import { type Removal, Removals } from './removals.ts';

const timeout = 5000;

/** Goes at the third try. */
function stubborn(kind: Removal['kind'] = 'sandbox') {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const removal = {
    ...{ kind, id: 'box', tries: 0, gone },
    remove: async () => {
      removal.tries++;
      if (removal.tries < 3) throw new Error('the node does not answer');
      resolve();
    },
  };
  return removal;
}

test('what does not go is told to go until it does, and counted meanwhile', { timeout }, async () => {
  const removals = new Removals(
    createLog('error', 'text', () => {}),
    [1, 2],
  );
  const sandbox = stubborn();
  removals.retry(sandbox, new Error('hangs'));
  removals.retry({ ...sandbox, remove: async () => assert.fail('one at a time') }, new Error('hangs'));
  assert.equal(removals.hanging, 1);
  const home = stubborn('home');
  removals.retry(home, new Error('hangs'));
  assert.equal(removals.hanging, 2, 'its home is another thing');
  await Promise.all([sandbox.gone, home.gone]);
  await new Promise(setImmediate);
  assert.deepEqual([sandbox.tries, home.tries, removals.hanging], [3, 3, 0]);
});

test('the end of the server ends the tries', { timeout }, async () => {
  const removals = new Removals(
    createLog('error', 'text', () => {}),
    [60_000],
  );
  const sandbox = stubborn();
  removals.retry(sandbox, new Error('hangs'));
  removals.close();
  await new Promise(setImmediate);
  assert.equal(sandbox.tries, 0);
});
