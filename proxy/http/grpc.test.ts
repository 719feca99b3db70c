import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isGrpc, toGrpcReply } from './grpc.ts';
import { RequestHeaders, ResponseHeaders } from './headers.ts';

function request(contentType: string): RequestHeaders {
  const head = new RequestHeaders();
  head.add('content-type', contentType);
  return head;
}

describe('gRPC', () => {
  it('is told by its content type', () => {
    assert.equal(isGrpc(request('application/grpc')), true);
    assert.equal(isGrpc(request('application/grpc+proto')), true);
    assert.equal(isGrpc(request('application/grpc-web')), false);
    assert.equal(isGrpc(request('application/json')), false);
    assert.equal(isGrpc(new RequestHeaders()), false);
    assert.equal(isGrpc(undefined), false);
  });

  it('gets errors as 200 with status and message in headers', () => {
    const head = new ResponseHeaders(503);
    head.add('content-length', '3');
    toGrpcReply(head, 'a %\n');
    assert.equal(head.status, 200);
    assert.deepEqual(head.entries, [
      'content-type',
      'application/grpc',
      'grpc-status',
      '14',
      'grpc-message',
      'a %25%0A',
    ]);
  });

  it('takes statuses that gRPC has no code for as unknown', () => {
    const head = new ResponseHeaders(418);
    toGrpcReply(head, '');
    assert.equal(head.get('grpc-status'), '2');
    assert.equal(head.has('grpc-message'), false);
  });
});
