import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskedAddress } from './masked-address.ts';

test('addresses are cut to their prefix', () => {
  assert.equal(maskedAddress('10.1.2.3', 8, 64), '10.0.0.0/8');
  assert.equal(maskedAddress('10.1.255.3', 20, 64), '10.1.240.0/20');
  assert.equal(maskedAddress('10.1.2.3', 32, 64), '10.1.2.3/32');
  assert.equal(maskedAddress('2001:db8:1:2:3:4:5:6', 8, 48), '2001:db8:1::/48');
  assert.equal(maskedAddress('::1', 8, 128), '::1/128');
  assert.equal(maskedAddress('fe80::ffff:1', 8, 120), 'fe80::ffff:0/120');
});
