/** An access log service for the scenarios: it keeps what it is sent. */
import { createServer, type Http2Server } from 'node:http2';
import { fromBinary, type JsonObject, toJson } from '@bufbuild/protobuf';
import { StreamAccessLogsMessageSchema } from '../../proxy/api/envoy/service/accesslog/v3/als_pb.js';
import { GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';

export interface AccessLogService {
  server: Http2Server;
  /** The heads of calls, in their order. */
  calls: string[];
  /** Messages as JSON. */
  messages: JsonObject[];
}

/** @param endsAfter ends each call with an error after so many messages; 0: never */
export function accessLogService(endsAfter = 0): AccessLogService {
  const server = createServer();
  const service: AccessLogService = { server, calls: [], messages: [] };
  server.on('stream', (stream, headers) => {
    let left = endsAfter;
    stream.on('error', () => {});
    service.calls.push(`${headers[':path']} ${headers[':authority']} ${headers['x-more'] ?? ''}`);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '14' }));
    const reader = new GrpcMessageReader(1e6);
    stream.on('data', chunk => {
      for (const bytes of reader.read(chunk as Buffer)) {
        service.messages.push(
          toJson(StreamAccessLogsMessageSchema, fromBinary(StreamAccessLogsMessageSchema, bytes)) as JsonObject,
        );
        if (--left === 0) stream.end();
      }
    });
  });
  server.on('sessionError', () => {});
  return service;
}
