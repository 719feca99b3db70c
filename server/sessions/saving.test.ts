import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../log.ts';
import { StoreUnavailable } from '../store/unavailable.ts';
import { Saving } from './saving.ts';

/** A store of one number for each key, that can be away. */
function numbers() {
  const stored = new Map<string, number>();
  const store = { away: false, stored, tries: 0 };
  const save = (key: string, value: () => number) => async () => {
    store.tries++;
    if (store.away) throw new StoreUnavailable(new Error('away'));
    const now = value();
    await new Promise(resolve => setImmediate(resolve));
    stored.set(key, now);
  };
  return { store, save };
}

const quiet = () => new Saving(createLog('error', 'text', () => {}));

test('while the database is away the newest of each key waits, and is written when it is back', async () => {
  const { store, save } = numbers();
  const saving = quiet();
  const told: boolean[] = [];
  const back = Promise.withResolvers<void>();
  saving.onPause(paused => {
    told.push(paused);
    if (!paused) back.resolve();
  });
  await saving.save(
    'a',
    save('a', () => 1),
  );
  store.away = true;
  for (const value of [2, 3])
    await saving.save(
      'a',
      save('a', () => value),
    );
  await saving.save(
    'b',
    save('b', () => 4),
  );
  assert.deepEqual([...store.stored], [['a', 1]]);
  assert.equal(saving.paused, true);
  store.away = false;
  await back.promise;
  assert.deepEqual(
    [...store.stored],
    [
      ['a', 3],
      ['b', 4],
    ],
  );
  assert.deepEqual(told, [true, false]);
  await saving.close(0);
});

test('writes of one key go one after the other', async () => {
  const { store, save } = numbers();
  const saving = quiet();
  let value = 0;
  const writes = [1, 2, 3].map(next => {
    value = next;
    return saving.save(
      'a',
      save('a', () => value),
    );
  });
  await Promise.all(writes);
  assert.equal(store.stored.get('a'), 3);
  assert.equal(store.tries, 3);
});

test('what is wrong with a write is told to whoever asked for it, and stops no other', async () => {
  const { store, save } = numbers();
  const saving = quiet();
  const wrong = async () => {
    throw new Error('no such learner');
  };
  await assert.rejects(saving.save('a', wrong), /no such learner/);
  await saving.save(
    'a',
    save('a', () => 5),
  );
  assert.equal(store.stored.get('a'), 5);
});

test('an end does not wait for a database that stays away', async () => {
  const { store, save } = numbers();
  const lines: string[] = [];
  const saving = new Saving(createLog('error', 'text', line => lines.push(line)));
  store.away = true;
  await saving.save(
    'a',
    save('a', () => 1),
  );
  await saving.close(50);
  assert.match(lines.join(''), /progress was not saved writes=1/);
});
