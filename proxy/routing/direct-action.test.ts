import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { RouteSchema } from '../api/envoy/config/route/v3/route_components_pb.js';
import { directAction } from './direct-action.ts';

const answering = (specifier: { case: 'inlineString' | 'filename'; value: string }) =>
  create(RouteSchema, { action: { case: 'directResponse', value: { status: 200, body: { specifier } } } });

test('a direct response has its limit, whose breach is told in Envoy’s words', () => {
  assert.equal(directAction(answering({ case: 'inlineString', value: '12345' }), 5)?.body, '12345');
  assert.throws(() => directAction(answering({ case: 'inlineString', value: '123456' }), 5), {
    message: 'response body size is 6 bytes; maximum is 5',
  });
  const file = import.meta.filename;
  assert.throws(() => directAction(answering({ case: 'filename', value: file }), 5), {
    message: /^file .*direct-action\.test\.ts size is \d+ bytes; maximum is 5$/,
  });
});
