import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonObject } from '@bufbuild/protobuf';
import { ScopedRoutes_ScopeKeyBuilderSchema } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RequestHeaders } from '../http/headers.ts';
import { scopeKeyBuilder, scopeKeyOf } from './scope-key.ts';

const builder = (...extractors: JsonObject[]) =>
  scopeKeyBuilder(
    fromJson(ScopedRoutes_ScopeKeyBuilderSchema, {
      fragments: extractors.map(header_value_extractor => ({ header_value_extractor })),
    }),
  );

function request(...entries: string[]): RequestHeaders {
  const head = new RequestHeaders();
  head.authority = 'example.com:80';
  head.entries = entries;
  return head;
}

test('a key is made of elements of headers, by index', () => {
  const keyOf = builder({ name: 'X-Scope', index: 1, element_separator: ',' });
  assert.equal(keyOf(request('x-scope', 'a,b,c')), 'b');
  assert.equal(keyOf(request('x-scope', 'a')), undefined);
  assert.equal(keyOf(request()), undefined);
  assert.equal(keyOf(request('x-scope', 'a,b', 'x-scope', 'c,d')), 'b', 'the first header decides');
});

test('a key is made of elements of headers, by their key', () => {
  const keyOf = builder({ name: 'x-scope', element_separator: ';', element: { separator: '=', key: 'vip' } });
  assert.equal(keyOf(request('x-scope', 'a=b;vip=c=d')), 'c=d');
  assert.equal(keyOf(request('x-scope', 'vip')), '');
  assert.equal(keyOf(request('x-scope', 'a=b')), undefined);
});

test('all fragments have to be there, and no request makes two of one', () => {
  const keyOf = builder({ name: ':authority', index: 0, element_separator: ':' }, { name: 'x-scope', index: 0 });
  assert.equal(keyOf(request('x-scope', 'a')), scopeKeyOf(['example.com', 'a']));
  assert.equal(keyOf(request()), undefined);
  assert.notEqual(scopeKeyOf(['a', 'b']), scopeKeyOf(['a,b']));
});
