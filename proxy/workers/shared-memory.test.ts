import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { OwnedMemory, ToldMemory } from './shared-memory.ts';
import { tallyBytes, tallyOf } from './tally.ts';

describe('memory that workers share', () => {
  it('is the same for who compiles the same, and another one for each part', () => {
    const told = new ToldMemory();
    const owned = new OwnedMemory((name, buffer) => told.hear(name, buffer));
    const compile = (memory: OwnedMemory | ToldMemory) =>
      ['a', 'b'].flatMap(unit =>
        memory.within(unit, () => [memory.next('limit', 4), memory.next('limit', 4), memory.next('rate', 8)]),
      );
    const first = compile(owned);
    assert.equal(new Set(first).size, 6);
    assert.deepEqual(
      compile(told).map((buffer, index) => buffer === first[index]),
      Array(6).fill(true),
    );
  });

  it('is only its own where nobody told of it', () => {
    const told = new ToldMemory();
    assert.notEqual(told.buffer('x', 4), told.buffer('x', 4));
  });

  it('is told to be gone once nobody counts in it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const gone: string[] = [];
    const owned = new OwnedMemory((name, buffer) => buffer === undefined && gone.push(name));
    const kept = owned.buffer('kept', 4);
    owned.buffer('left', 4);
    for (let i = 0; i < 100 && gone.length === 0; i++) {
      await turn();
      collect();
    }
    assert.deepEqual(gone, ['left']);
    assert.equal(owned.buffer('kept', 4), kept);
  });
});

describe('a tally', () => {
  for (const shared of [undefined, new SharedArrayBuffer(tallyBytes(2))])
    it(`counts ${shared ? 'for all' : 'for one'}`, () => {
      const tally = tallyOf(2, shared);
      assert.deepEqual([tally.add(1, 2), tally.add(1, -1), tally.get(1), tally.get(0)], [2, 1, 1, 0]);
      assert.deepEqual([tally.clear(1), tally.clear(1), tally.get(1)], [1, 0, 0]);
    });

  it('loses nothing of what two threads count', async () => {
    const shared = new SharedArrayBuffer(tallyBytes(1));
    const tally = tallyOf(1, shared);
    const times = 200_000;
    const other = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
      import(${JSON.stringify(new URL('tally.ts', import.meta.url).href)}).then(({ tallyOf }) => {
        const tally = tallyOf(1, workerData.shared);
        parentPort.postMessage('go');
        for (let i = 0; i < workerData.times; i++) tally.add(0, 1);
      });`,
      { eval: true, workerData: { shared, times } },
    );
    const ended = new Promise(resolve => other.once('exit', resolve));
    await new Promise(resolve => other.once('message', resolve));
    for (let i = 0; i < times; i++) tally.add(0, 1);
    await ended;
    assert.equal(tally.get(0), 2 * times);
  });
});
