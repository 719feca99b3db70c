import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestId } from './request-id.ts';

test('request ids are UUIDs of version 4, and no two are the same', () => {
  const ids = Array.from({ length: 1000 }, requestId);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('every bit that is not fixed by the version is random', () => {
  const every = Buffer.alloc(16, 0xff);
  const some = Buffer.alloc(16);
  for (let i = 0; i < 1000; i++) {
    for (const [at, byte] of Buffer.from(requestId().replaceAll('-', ''), 'hex').entries()) {
      every[at] = every[at]! & byte;
      some[at] = some[at]! | byte;
    }
  }
  assert.equal(every.toString('hex'), '00000000000040008000000000000000');
  assert.equal(some.toString('hex'), 'ffffffffffff4fffbfffffffffffffff');
});
