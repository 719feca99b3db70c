import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { UpstreamHttpProtocolOptionsSchema } from '../api/envoy/config/core/v3/protocol_pb.js';
import { RequestHeaders } from '../http/headers.ts';
import { PeerNaming } from './peer-naming.ts';

const naming = (said: { autoSni?: boolean; autoSanValidation?: boolean; overrideAutoSniHeader?: string }) =>
  new PeerNaming(create(UpstreamHttpProtocolOptionsSchema, said));

function asking(authority: string, name?: string): RequestHeaders {
  const head = new RequestHeaders();
  head.authority = authority;
  if (name !== undefined) head.set('x-name', name);
  return head;
}

test('a host is told the name that it is asked by, without port and in lower case', () => {
  const names = naming({ autoSni: true });
  assert.deepEqual(names.of(asking('One.example:80')), { serverName: 'one.example', expected: undefined });
  assert.equal(names.of(asking('one.example')), names.of(asking('ONE.example:443')), 'one pool for both');
});

test('an address is no name, but a certificate may be for it', () => {
  const names = naming({ autoSni: true, autoSanValidation: true });
  assert.deepEqual(names.of(asking('127.0.0.1:80')), { serverName: undefined, expected: '127.0.0.1' });
  assert.deepEqual(names.of(asking('[::1]:80')), { serverName: undefined, expected: '::1' });
});

test('another header may name it; where that is not there, it is the host', () => {
  const names = naming({ autoSni: true, overrideAutoSniHeader: 'x-name' });
  assert.equal(names.of(asking('a', 'b'))?.serverName, 'b');
  assert.equal(names.of(asking('a'))?.serverName, 'a');
});

test('where nothing is said, the configuration names it', () => {
  assert.equal(naming({}).of(asking('a')), undefined);
  assert.equal(new PeerNaming(undefined).of(asking('a')), undefined);
});

test('what a filter states goes before what requests call a host, and is one object while it is in use', () => {
  const names = naming({ autoSni: true, autoSanValidation: true });
  const stated = names.of(asking('a'), 'stated');
  assert.deepEqual(stated, { serverName: 'stated', expected: 'a' });
  assert.equal(names.of(asking('a'), 'stated'), stated);
  assert.notEqual(names.of(asking('b'), 'stated'), stated);
  assert.deepEqual(naming({}).of(asking('a'), 'stated'), { serverName: 'stated', expected: undefined });
  assert.equal(naming({}).of(asking('a'), ''), undefined);
});
