import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { LocalReplyConfigSchema } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { StreamInfo } from '../stream-info.ts';
import { completeLocalReply } from './local-reply.ts';
import { ReplyMapping } from './reply-mapping.ts';

function reply(config: JsonValue, status: number, body: string, contentType = '') {
  const info = new StreamInfo();
  info.requestHeaders = new RequestHeaders();
  info.requestHeaders.add('x-asked', 'a');
  if (contentType !== '') info.requestHeaders.add('content-type', contentType);
  const head = new ResponseHeaders(status);
  const text = completeLocalReply(head, body, info, new ReplyMapping(fromJson(LocalReplyConfigSchema, config)));
  return { status: head.status, headers: head.entries, text, left: info.localReplyBody };
}

const asked = { headerFilter: { header: { name: 'x-asked', presentMatch: true } } };

test('the first mapper that matches decides, and no other', () => {
  const mappers = [
    { filter: { headerFilter: { header: { name: 'x-none', presentMatch: true } } }, statusCode: 201 },
    {
      filter: asked,
      statusCode: 202,
      body: { inlineString: 'é' },
      headersToAdd: [{ header: { key: 'a', value: 'b' } }],
    },
    { filter: asked, statusCode: 203 },
  ];
  const headers = ['a', 'b', 'content-length', '2', 'content-type', 'text/plain'];
  assert.deepEqual(reply({ mappers }, 404, 'gone'), { status: 202, headers, text: 'Ã©', left: '' });
});

test('an empty mapping changes nothing', () => {
  const headers = ['content-length', '4', 'content-type', 'text/plain'];
  assert.deepEqual(reply({}, 404, 'gone'), { status: 404, headers, text: 'gone', left: '' });
  assert.deepEqual(
    new ReplyMapping(create(LocalReplyConfigSchema)).apply(new ResponseHeaders(1), 'b', new StreamInfo()),
    {
      text: 'b',
      contentType: 'text/plain',
    },
  );
});

test('JSON in a gRPC message has no new line, and the status stands for the mapped one', () => {
  const bodyFormat = { jsonFormat: { said: '%LOCAL_REPLY_BODY%' } };
  const { status, headers } = reply(
    { mappers: [{ filter: asked, statusCode: 503 }], bodyFormat },
    404,
    'x',
    'application/grpc',
  );
  assert.deepEqual(
    [status, headers],
    [200, ['content-type', 'application/grpc', 'grpc-status', '14', 'grpc-message', '{"said":"x"}']],
  );
});
