import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mailbox } from './mailbox.ts';

test('who reads late hears what was told last, then all that comes, until the end', () => {
  const box = new Mailbox<number | undefined>();
  box.put('a', 1);
  box.put('a', 2);
  const heard: unknown[] = [];
  const end = box.read('a', told => heard.push(told));
  box.put('b', 9);
  box.put('a', undefined);
  end();
  box.put('a', 3);
  assert.deepEqual(heard, [2, undefined]);
});

test('what is dropped is told no more', () => {
  const box = new Mailbox<number>();
  box.put('a', 1);
  box.drop('a');
  const heard: number[] = [];
  box.read('a', told => heard.push(told));
  box.put('a', 2);
  assert.deepEqual(heard, [2]);
});
