import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { CidrRangeSchema } from '../api/envoy/config/core/v3/address_pb.js';
import { addressTest, splitAddress } from './address-range.ts';

const range = (addressPrefix: string, prefixLen?: number) => create(CidrRangeSchema, { addressPrefix, prefixLen });

test('a range holds addresses of its own family', () => {
  const inside = addressTest([range('10.0.0.0', 8), range('fd00::', 8)]);
  assert.equal(inside('10.255.0.1'), true);
  assert.equal(inside('11.0.0.1'), false);
  assert.equal(inside('fd12::1'), true);
  assert.equal(inside('fe80::1'), false);
  assert.equal(inside('::ffff:10.0.0.1'), false);
  assert.equal(addressTest([range('::', 0)])('10.0.0.1'), false);
});

test('a range without a length holds its whole family, one that is too long a single address', () => {
  assert.equal(addressTest([range('10.0.0.0')])('192.0.2.1'), true);
  assert.equal(addressTest([range('10.0.0.1', 100)])('10.0.0.1'), true);
  assert.equal(addressTest([range('10.0.0.1', 100)])('10.0.0.2'), false);
});

test('what is no address is in no range', () => {
  assert.equal(addressTest([range('0.0.0.0', 0), range('::', 0)])('nowhere'), false);
  assert.equal(addressTest([])('10.0.0.1'), false);
});

test('an address is told from its port', () => {
  assert.deepEqual(splitAddress('10.0.0.1:80'), { address: '10.0.0.1', port: 80 });
  assert.deepEqual(splitAddress('[::1]:8080'), { address: '::1', port: 8080 });
  for (const path of ['/run/a.sock', './a.sock', '@a', '/a:80'])
    assert.deepEqual(splitAddress(path), { address: path, port: 0 });
});
