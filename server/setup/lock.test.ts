import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { addressOf, lock } from './lock.mjs';

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'unicorn-lock-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const neverWaits = () => assert.fail('nobody else holds it');

/** Many turns of the event loop, in each of which a lock that is free would be taken. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await setImmediate();
}

test('who comes second waits until the first releases, though its process goes on', async context => {
  const folder = folderFor(context);
  const release = await lock(folder, neverWaits);
  const told = Promise.withResolvers<void>();
  let held = false;
  const second = lock(folder, told.resolve).then(releaseSecond => {
    held = true;
    return releaseSecond;
  });
  await told.promise;
  await turns();
  assert.equal(held, false);
  release();
  const releaseSecond = await second;
  assert.equal(held, true);
  releaseSecond();
  (await lock(folder, neverWaits))();
});

test('of two that wait one gets it, and then the other', { timeout: 10_000 }, async context => {
  const folder = folderFor(context);
  const release = await lock(folder, neverWaits);
  const order: string[] = [];
  const waiting = ['one', 'another'].map(async name => {
    const told = Promise.withResolvers<void>();
    const done = lock(folder, told.resolve).then(async releaseThis => {
      order.push(`${name} begins`);
      await turns();
      order.push(`${name} ends`);
      releaseThis();
    });
    await told.promise;
    return { done };
  });
  const all = await Promise.all(waiting);
  release();
  await Promise.all(all.map(({ done }) => done));
  const [first] = order[0]!.split(' ');
  const other = first === 'one' ? 'another' : 'one';
  assert.deepEqual(order, [`${first} begins`, `${first} ends`, `${other} begins`, `${other} ends`]);
});

test('one that gave up waiting troubles nobody', async context => {
  const folder = folderFor(context);
  const release = await lock(folder, neverWaits);
  const socket = connect(addressOf(folder));
  await once(socket, 'connect');
  socket.destroy();
  await turns();
  release();
  (await lock(folder, neverWaits))();
});
