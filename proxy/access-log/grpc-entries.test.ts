import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { HTTPAccessLogEntrySchema, TCPAccessLogEntrySchema } from '../api/envoy/data/accesslog/v3/accesslog_pb.js';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { flag, StreamInfo } from '../stream-info.ts';
import { encodeHttpEntry, encodeTcpEntry } from './grpc-entries.ts';

const nothingMore = { tags: [], requestHeaders: [], responseHeaders: [], responseTrailers: [] };

test('an entry tells of metadata, flags and times', () => {
  const info = new StreamInfo();
  info.startMs = 1500.25;
  info.durationMs = 2000.5;
  info.flags = flag.RATE_LIMITED | flag.UNAUTHORIZED_EXTERNAL_SERVICE;
  info.setMetadata('a', { text: 'Ã¶', list: [1, true, null], inner: { b: 'c' } });
  info.requestHeaders = new RequestHeaders();
  info.requestHeaders.method = 'PATCH';
  info.requestHeaders.add('x-a', 'Ã¶');
  info.responseHeaders = new ResponseHeaders(204);
  info.responseCode = 204;
  const bytes = encodeHttpEntry(info, {
    ...nothingMore,
    requestHeaders: ['x-a'],
    responseHeaders: [':status', 'x-none'],
  });
  const entry = toJson(HTTPAccessLogEntrySchema, fromBinary(HTTPAccessLogEntrySchema, bytes));
  assert.deepEqual(entry, {
    commonProperties: {
      startTime: '1970-01-01T00:00:01.500250Z',
      duration: '2.000500s',
      responseFlags: { rateLimited: true, unauthorizedDetails: { reason: 'EXTERNAL_SERVICE' } },
      metadata: { filterMetadata: { a: { text: 'ö', list: [1, true, null], inner: { b: 'c' } } } },
      accessLogType: 'DownstreamEnd',
    },
    protocolVersion: 'HTTP11',
    request: { requestMethod: 'PATCH', scheme: 'http', requestHeadersBytes: '43', requestHeaders: { 'x-a': 'ö' } },
    response: { responseCode: 204, responseHeadersBytes: '10', responseHeaders: { ':status': '204' } },
  });
});

test('an entry of a connection that goes on has no duration', () => {
  const info = new StreamInfo();
  info.accessLogType = 'TcpPeriodic';
  info.durationMs = 5;
  info.bytesSent = 7;
  info.upstreamHost = '[::1]:80';
  const entry = toJson(TCPAccessLogEntrySchema, fromBinary(TCPAccessLogEntrySchema, encodeTcpEntry(info, nothingMore)));
  assert.deepEqual(entry, {
    commonProperties: {
      startTime: '1970-01-01T00:00:00Z',
      upstreamRemoteAddress: { socketAddress: { address: '::1', portValue: 80 } },
      intermediateLogEntry: true,
      accessLogType: 'TcpPeriodic',
    },
    connectionProperties: { sentBytes: '7' },
  });
});
