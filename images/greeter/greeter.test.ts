import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fromBinary, fromJson, type JsonObject, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { describeFile, registryOf } from '../grpc/schema.ts';
import type { LogEntry } from '../request-log.ts';
import { methodsOf } from './methods.ts';
import { greeterFiles } from './schema.ts';
import { grpcServer } from './server.ts';

const registry = registryOf(greeterFiles.map(describeFile));
const server = grpcServer(registry, methodsOf(registry), entry => void server.emit('logged', entry));
let session: ClientHttp2Session;

before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
after(async () => {
  session.destroy();
  server.close();
  await once(server, 'close');
});

interface Answer {
  head: IncomingHttpHeaders;
  trailers: IncomingHttpHeaders;
  replies: JsonValue[];
}

function open(path: string, headers: Record<string, string> = {}): ClientHttp2Stream {
  return session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
}

/** All that comes of a call with these requests. */
async function call(path: string, requests: JsonObject[], headers: Record<string, string> = {}): Promise<Answer> {
  const [, service = '', name] = path.split('/');
  const method = registry.getService(service)?.methods.find(one => one.name === name);
  const stream = open(path, headers);
  const answer: Answer = { head: {}, trailers: {}, replies: [] };
  stream.on('response', head => Object.assign(answer, { head }));
  stream.on('trailers', trailers => Object.assign(answer, { trailers }));
  for (const request of requests) stream.write(frameMessage(toBinary(method!.input, fromJson(method!.input, request))));
  stream.end();
  const reader = new GrpcMessageReader(1 << 20);
  for await (const chunk of stream as AsyncIterable<Buffer>)
    for (const message of reader.read(chunk))
      answer.replies.push(toJson(method!.output, fromBinary(method!.output, message)));
  return answer;
}

const statusOf = ({ head, trailers }: Answer) => [head[':status'], trailers['grpc-status'] ?? head['grpc-status']];

describe('greeter', () => {
  it('answers at once, with the status in trailers', async () => {
    const answer = await call('/greeter.Greeter/SayHello', [{ name: 'Zoë' }]);
    assert.deepEqual(answer.replies, [{ message: 'Hello, Zoë' }]);
    assert.equal(answer.head['grpc-status'], undefined);
    assert.deepEqual(statusOf(answer), [200, '0']);
  });

  it('streams answers', async () => {
    const began = performance.now();
    const { replies } = await call('/greeter.Greeter/SayHellos', [{ count: 2 }]);
    assert.deepEqual(replies, [{ message: 'Hello, world, 1 of 2' }, { message: 'Hello, world, 2 of 2' }]);
    assert.ok(performance.now() - began > 450, 'half a second apart');
  });

  it('answers each request of a stream', async () => {
    const { replies } = await call('/greeter.Greeter/SayHelloToEach', [{ name: 'a' }, { name: 'b' }]);
    assert.deepEqual(replies, [{ message: 'Hello, a' }, { message: 'Hello, b' }]);
  });

  it('fails two tries of each request, by the id of the request', async () => {
    const statuses: unknown[] = [];
    for (const id of ['a', 'b', 'a', 'a', 'b', 'b', 'a'])
      statuses.push(statusOf(await call('/greeter.Greeter/SayHelloMaybe', [{}], { 'x-request-id': id }))[1]);
    assert.deepEqual(statuses, ['14', '14', '14', '0', '14', '0', '14']);
  });

  it('tells a failure in the headers, where nothing came before', async () => {
    const answer = await call('/greeter.Greeter/SayGoodbye', [{ name: 'Zoë' }]);
    assert.deepEqual(statusOf(answer), [200, '5']);
    assert.equal(answer.head['grpc-message'], 'Zo%C3%AB is not here');
    assert.deepEqual(answer.trailers, {});
  });

  it('shows the headers that reached it', async () => {
    const { replies } = await call('/greeter.Greeter/ShowHeaders', [{}], { 'grpc-timeout': '5S' });
    const { headers } = replies[0] as { headers: { name: string; value: string }[] };
    assert.ok(headers.some(({ name, value }) => name === 'grpc-timeout' && value === '5S'));
  });

  it('ends a call that is given up, and says so in the log', async () => {
    const stream = open('/greeter.Greeter/SayHelloLater');
    stream.end(frameMessage(new Uint8Array()));
    // Once this is answered, the one before it is under way.
    await call('/greeter.Greeter/SayHello', [{}]);
    const logged = once(server, 'logged');
    stream.close(constants.NGHTTP2_CANCEL);
    const [entry] = (await logged) as [LogEntry];
    assert.deepEqual([entry.path, entry.status], ['/greeter.Greeter/SayHelloLater', 1]);
  });

  it('refuses what it has not, what is no message, and what is no gRPC', async () => {
    assert.deepEqual(statusOf(await call('/greeter.Greeter/Nothing', [])), [200, '12']);
    assert.deepEqual(statusOf(await call('/greeter.Nobody/SayHello', [])), [200, '12']);
    assert.deepEqual(statusOf(await call('/greeter.Greeter/SayHello', [])), [200, '13']);
    assert.deepEqual(statusOf(await call('/greeter.Greeter/SayHelloLater', [{ seconds: 99 }])), [200, '3']);
    const compressed = open('/greeter.Greeter/SayHello');
    compressed.end(Buffer.from([1, 0, 0, 0, 0]));
    assert.equal((await once(compressed, 'response'))[0]['grpc-status'], '13');
    const plain = open('/greeter.Greeter/SayHello', { 'content-type': 'text/plain' });
    plain.end();
    assert.equal((await once(plain, 'response'))[0][':status'], 415);
  });

  it('outlives a client that speaks HTTP/1', async () => {
    const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
    socket.resume().write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'close');
    assert.deepEqual(statusOf(await call('/greeter.Greeter/SayHello', [{}])), [200, '0']);
  });

  it('tells its health', async () => {
    const check = '/grpc.health.v1.Health/Check';
    assert.deepEqual((await call(check, [{ service: 'greeter.Greeter' }])).replies, [{ status: 'SERVING' }]);
    assert.deepEqual(statusOf(await call(check, [{ service: 'nobody' }])), [200, '5']);
  });
});
