import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { AuthorizationResponseSchema } from '../api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { ResponseHeaders } from '../http/headers.ts';
import { AnswerReader } from './authorization-service.ts';

const all = { patterns: [{ matchPattern: { case: 'safeRegex' as const, value: { regex: '.*' } } }] };

function read(status: number, ...headers: [string, string][]) {
  const said = create(AuthorizationResponseSchema, {
    allowedUpstreamHeaders: all,
    allowedUpstreamHeadersToAppend: all,
  });
  const head = new ResponseHeaders(status);
  for (const [name, value] of headers) head.add(name, value);
  return new AnswerReader(said).read({ head, body: Buffer.from('no') }, 7);
}

test('what says where an answer ends is set on no request, whatever is let through', () => {
  const answer = read(
    200,
    ['content-length', '5'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'x'],
    ['x-a', '1'],
  );
  assert.ok(answer.kind === 'ok');
  const names = [
    ['x-a', '1'],
    ['x-envoy-upstream-service-time', '7'],
  ];
  assert.deepEqual([answer.set, answer.append], [names, names]);
});

test('a host is set, never added to', () => {
  const answer = read(200, ['host', 'other.example']);
  assert.ok(answer.kind === 'ok');
  assert.equal(answer.set[0]?.[0], 'host');
  assert.ok(answer.append.every(([name]) => name !== 'host'));
});

test('what is to be removed are names of headers, not the path or the host', () => {
  const answer = read(200, ['x-envoy-auth-headers-to-remove', 'X-A , :path,host,, x-b']);
  assert.deepEqual(answer.kind === 'ok' && answer.remove, ['x-a', 'x-b']);
});

test('a failure of the service is no answer; all but 200 is a denial', () => {
  assert.deepEqual(read(503), { kind: 'error' });
  const denied = read(204, ['x-why', 'a'], ['keep-alive', 'timeout=5']);
  assert.ok(denied.kind === 'denied');
  const head = new ResponseHeaders(denied.status);
  denied.adjust(head);
  assert.deepEqual([denied.status, denied.body, head.get('x-why')], [204, 'no', 'a']);
  assert.equal(head.has('keep-alive'), false);
});
