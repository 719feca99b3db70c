/** Calls to a service that Node's own HTTP/2 serves. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { create, fromJson } from '@bufbuild/protobuf';
import { ClusterSchema } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { GrpcServiceSchema } from '../api/envoy/config/core/v3/grpc_service_pb.js';
import { Cluster } from '../cluster/cluster.ts';
import { StatsStore } from '../stats/store.ts';
import { type GrpcCall, GrpcClient } from './grpc-client.ts';
import { frameMessage, GrpcMessageReader } from './message-reader.ts';
import type { GrpcEnd } from './status.ts';

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** A client of a service that answers so. */
async function clientOf(context: TestContext, serve: Serve): Promise<GrpcClient> {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    // One that breaks off is told of it.
    stream.on('error', () => {});
    serve(stream, headers);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const configuration = create(ClusterSchema, {
    name: 'service',
    http2ProtocolOptions: {},
    loadAssignment: {
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: 'endpoint',
                value: {
                  address: {
                    address: {
                      case: 'socketAddress',
                      value: { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: port } },
                    },
                  },
                },
              },
            },
          ],
        },
      ],
    },
  });
  const cluster = new Cluster(configuration, { store: new StatsStore() });
  await cluster.start();
  context.after(() => {
    cluster.stop();
    server.close();
  });
  const service = fromJson(GrpcServiceSchema, {
    envoyGrpc: { clusterName: 'service' },
    initialMetadata: [
      { key: 'X-Who', value: 'you' },
      { key: 'x-who', value: 'me' },
      { key: 'x-who-bin', value: 'me' },
    ],
  });
  return new GrpcClient(service, name => (name === 'service' ? cluster : undefined));
}

const answering = { ':status': 200, 'content-type': 'application/grpc' };

function respond(stream: ServerHttp2Stream, trailers: Record<string, string>): void {
  stream.respond(answering, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
}

const called = (client: GrpcClient, message: string, timeoutMs = 0) =>
  new Promise<{ end: GrpcEnd; answer: string | undefined }>(resolve =>
    client.call('/a.B/C', Buffer.from(message), timeoutMs, (end, answer) =>
      resolve({ end, answer: answer?.toString() }),
    ),
  );

test('a call is answered', async context => {
  let headers: IncomingHttpHeaders = {};
  const client = await clientOf(context, (stream, received) => {
    headers = received;
    respond(stream, { 'grpc-status': '0' });
    const reader = new GrpcMessageReader(1000);
    stream.on('data', chunk => {
      for (const message of reader.read(chunk as Buffer)) stream.write(frameMessage(Buffer.from(`to ${message}`)));
    });
    stream.on('end', () => stream.end());
  });
  assert.deepEqual(await called(client, 'you', 2000), { end: { status: 0, message: '' }, answer: 'to you' });
  assert.equal(headers[':path'], '/a.B/C');
  assert.equal(headers[':authority'], 'service');
  assert.equal(headers.te, 'trailers');
  assert.equal(headers['grpc-timeout'], '2000m');
  assert.equal(headers['x-who'], 'me', 'the last one counts');
  assert.equal(headers['x-who-bin'], 'bWU=', 'binary metadata goes in base64');
  assert.equal(headers['content-type'], 'application/grpc');
});

test('a call is refused, with words', async context => {
  const client = await clientOf(context, stream =>
    stream.respond({ ...answering, 'grpc-status': '7', 'grpc-message': 'not%20you' }, { endStream: true }),
  );
  assert.deepEqual(await called(client, 'x'), { end: { status: 7, message: 'not you' }, answer: undefined });
});

test('what is no gRPC is told by its status', async context => {
  const client = await clientOf(context, stream => {
    stream.respond({ ':status': 404 });
    stream.end('no such thing');
  });
  assert.deepEqual(await called(client, 'x'), { end: { status: 12, message: '' }, answer: undefined });
});

test('a call that takes too long ends, as one that broke off where its answer had begun', async context => {
  const client = await clientOf(context, stream => respond(stream, { 'grpc-status': '0' }));
  const { end } = await called(client, 'x', 50);
  assert.equal(end.status, 13);
});

test('a service that breaks off, and one that is not there', async context => {
  const client = await clientOf(context, stream => stream.close(2));
  const { end } = await called(client, 'x');
  assert.equal(end.status, 14);
  assert.match(end.message, /reset reason: remote reset/);
  const nobody = new GrpcClient(fromJson(GrpcServiceSchema, { envoyGrpc: { clusterName: 'other' } }), () => undefined);
  assert.deepEqual((await called(nobody, 'x')).end, { status: 14, message: 'Cluster not available' });
});

test('messages go both ways on one stream, in pieces of any size', async context => {
  const client = await clientOf(context, stream => {
    respond(stream, { 'grpc-status': '0' });
    stream.on('data', chunk => {
      for (const byte of chunk as Buffer) stream.write(Buffer.of(byte));
    });
    stream.on('end', () => stream.end());
  });
  const received: string[] = [];
  const wanted = ['', 'one', 'x'.repeat(3000)];
  const end = await new Promise<GrpcEnd>(resolve => {
    const call: GrpcCall = client.stream('/a.B/C', {
      onMessage(message) {
        received.push(message.toString());
        if (received.length === wanted.length) call.end();
        else call.send(Buffer.from(wanted[received.length]!));
      },
      onEnd: resolve,
    });
    call.send(Buffer.from(wanted[0]!));
  });
  assert.deepEqual(received, wanted);
  assert.deepEqual(end, { status: 0, message: '' });
});
