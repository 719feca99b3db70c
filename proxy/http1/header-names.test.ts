import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreservedNames, properCase } from './header-names.ts';

test('words of a name begin with a capital', () => {
  const names = { 'x-request-id': 'X-Request-Id', x_under_score: 'X_Under_Score', 'x--2a': 'X--2a', te: 'Te' };
  for (const [name, proper] of Object.entries(names)) assert.equal(properCase(name), proper);
});

test('a name stays as its sender wrote it first; of others the style decides', () => {
  const names = new PreservedNames(properCase, false);
  names.note('x-a', 'X-a');
  names.note('x-a', 'x-A');
  names.note('x-low', 'x-low');
  assert.deepEqual(
    ['x-a', 'x-low', 'x-added'].map(name => names.write(name)),
    ['X-a', 'x-low', 'X-Added'],
  );
});
