import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcceptBurst } from './accept-burst.ts';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** What is served, and how often it was asked to. */
function heard() {
  const served: string[] = [];
  return { served, burst: new AcceptBurst<string>(name => served.push(name)) };
}

test('connections of turns in a row are served together, in their order', async ({ mock }) => {
  mock.method(performance, 'now', () => 0);
  const { served, burst } = heard();
  for (const name of ['a', 'b', 'c']) {
    burst.add(name);
    await turn();
    assert.deepEqual(served, []);
  }
  await turn();
  assert.deepEqual(served, ['a', 'b', 'c']);
});

test('a stream of connections that does not end is served meanwhile', { timeout: 10_000 }, async () => {
  const { served, burst } = heard();
  for (let i = 0; served.length === 0; i++) {
    burst.add(String(i));
    await turn();
  }
  assert.equal(served[0], '0');
});

test('at once where nobody may come any more, and once only', async () => {
  const { served, burst } = heard();
  burst.add('a');
  burst.serveAll();
  assert.deepEqual(served, ['a']);
  burst.add('b');
  await turn();
  await turn();
  assert.deepEqual(served, ['a', 'b']);
});
