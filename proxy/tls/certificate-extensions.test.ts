import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { otherNames } from './certificate-extensions.ts';

const fixture = (name: string): X509Certificate =>
  new X509Certificate(readFileSync(join(import.meta.dirname, '../../test/fixtures/tls', `${name}.pem`)));

test('names of kinds of their own are read with their kinds', () => {
  assert.deepEqual(otherNames(fixture('chained')), [
    { oid: '1.3.6.1.4.1.311.20.2.3', value: 'user@example.com' },
    { oid: '1.2.3.4', value: 'other' },
    { oid: '1.2.3.5', value: '-300' },
    { oid: '1.2.3.6', value: 'true' },
  ]);
  assert.deepEqual(otherNames(fixture('client')), []);
});

test('what is no certificate has no names', () => {
  const { raw } = fixture('chained');
  for (const bytes of [Buffer.alloc(0), raw.subarray(0, 300), Buffer.alloc(20, 0x30)])
    assert.deepEqual(otherNames({ raw: bytes }), []);
});
