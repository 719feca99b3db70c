import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Candidate, chooseEncoding } from './encoding-choice.ts';

const candidate = (coding: string, chooseFirst = false): Candidate => ({ coding, chooseFirst, suits: () => true });
const two = [candidate('gzip'), candidate('br')];
const preferring = [candidate('gzip'), candidate('br', true)];

const cases: [string, readonly Candidate[], string, string][] = [
  ['gzip, br', two, 'gzip', 'valid'],
  ['br, gzip', two, 'br', 'valid'],
  ['gzip, br', preferring, 'br', 'valid'],
  ['gzip, br;q=0.9', preferring, 'gzip', 'valid'],
  ['gzip;q=0.2, br;q=0.3', two, 'br', 'valid'],
  ['*', two, 'gzip', 'wildcard'],
  ['*, gzip;q=0', two, 'br', 'wildcard'],
  ['identity, gzip;q=0.5', two, 'identity', 'identity'],
  ['gzip;q=0', two, 'identity', 'not-valid'],
  ['gzip;q=', two, 'identity', 'not-valid'],
  ['deflate', two, 'identity', 'not-valid'],
  ['gzip', [], 'identity', 'not-valid'],
  ['', two, 'identity', 'not-valid'],
];

test('the coding that a client likes best, of those that there are', () => {
  for (const [accepted, candidates, coding, because] of cases)
    assert.deepEqual(chooseEncoding(accepted, candidates), { coding, because }, accepted);
});
