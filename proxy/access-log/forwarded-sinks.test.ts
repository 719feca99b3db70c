import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ForwardedSinks } from './forwarded-sinks.ts';

test('lines of one turn go together, by their paths', async () => {
  const sent: [path: string, text: string, lines: number][] = [];
  const sinks = new ForwardedSinks((...one) => sent.push(one));
  sinks.open('/a').write('one\n');
  sinks.open('/b').write('other\n');
  sinks.open('/a').write('two\n');
  await turn();
  const first = [
    ['/a', 'one\ntwo\n', 2],
    ['/b', 'other\n', 1],
  ];
  assert.deepEqual(sent, first);
  sinks.open('/a').write('three\n');
  sinks.flush();
  await turn();
  assert.deepEqual(sent, [...first, ['/a', 'three\n', 1]]);
});
