import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { MetadataMatcherSchema } from '../api/envoy/type/matcher/v3/metadata_pb.js';
import { DynamicMetadata } from '../dynamic-metadata.ts';
import { metadataTest } from './metadata-match.ts';

const told = new DynamicMetadata();
told.add('a', { text: 'old', number: 4.5, nothing: null, flag: false });
told.add('a', { text: 'ada', list: ['x', { deep: 1 }] });

const matches = (key: string, value: JsonValue, more: Record<string, JsonValue> = {}, metadata = told) =>
  metadataTest(fromJson(MetadataMatcherSchema, { filter: 'a', path: [{ key }], value, ...more }))(metadata);

test('values are tested by their types', () => {
  assert.equal(matches('text', { stringMatch: { exact: 'ada' } }), true);
  assert.equal(matches('number', { stringMatch: { prefix: '4' } }), false);
  assert.equal(matches('number', { doubleMatch: { exact: 4.5 } }), true);
  assert.equal(matches('number', { doubleMatch: { range: { start: 1, end: 4.5 } } }), false);
  assert.equal(matches('nothing', { nullMatch: {} }), true);
  assert.equal(matches('missing', { nullMatch: {} }), false);
  assert.equal(matches('flag', { boolMatch: false }), true);
  assert.equal(matches('missing', { boolMatch: false }), false);
  assert.equal(matches('list', { listMatch: { oneOf: { stringMatch: { exact: 'x' } } } }), true);
  assert.equal(matches('text', { orMatch: { valueMatchers: [{ nullMatch: {} }, { presentMatch: true }] } }), true);
});

test('what is missing is not present, nor absent, but inverted it matches', () => {
  const exact = { stringMatch: { exact: 'ada' } };
  assert.equal(matches('missing', { presentMatch: true }), false);
  assert.equal(matches('missing', { presentMatch: false }), false);
  assert.equal(matches('missing', exact, { invert: true }), true);
  assert.equal(matches('text', exact, { invert: true }), false);
  assert.equal(matches('constructor', { presentMatch: true }), false);
  assert.equal(
    metadataTest(fromJson(MetadataMatcherSchema, { filter: 'a', path: [{ key: 'x' }], value: exact, invert: true }))(
      undefined,
    ),
    true,
  );
});
