/** A collector of traces by gRPC for the scenarios: what it is sent is kept where `/collected` tells it. */
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { keepCollected } from './upstream.ts';

/** @param status how calls end; `silent`: they do not */
export function traceService(status: number | 'silent' = 0): Http2Server {
  const server = createServer();
  server.on('stream', (stream, _headers, _flags, raw) => {
    const fields = raw as string[];
    const head = fields.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${fields[i + 1]}`] : []));
    const reader = new GrpcMessageReader(1e6);
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => {
      // Lines in any order: what is written first is up to each proxy.
      for (const message of reader.read(chunk))
        keepCollected({ head: head.sort().join('\r\n'), body: message.toString('latin1') });
    });
    if (status !== 'silent') stream.on('end', () => answer(stream, status));
  });
  server.on('sessionError', () => {});
  return server;
}

function answer(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status) }));
  // An answer without fields.
  stream.end(status === 0 ? frameMessage(Buffer.alloc(0)) : undefined);
}
