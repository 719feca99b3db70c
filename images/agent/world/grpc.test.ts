import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { methodsOf } from '../../greeter/methods.ts';
import { greeterFiles } from '../../greeter/schema.ts';
import { grpcServer } from '../../greeter/server.ts';
import { describeFile, registryOf } from '../../grpc/schema.ts';
import { call } from './grpc.ts';

const registry = registryOf(greeterFiles.map(describeFile));

/** What a call of that method is told by such a server. */
async function ask(server: Server, method: string, maximumBody = 1000) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  try {
    return await call(socket, new URL(`http://127.0.0.1:${port}/greeter.Greeter/${method}`), {}, maximumBody);
  } finally {
    server.close();
  }
}
const greeter = () => grpcServer(registry, methodsOf(registry), () => {}) as unknown as Server;

test('an answer is told with its trailers', async () => {
  const { status, trailers, body, truncated } = await ask(greeter(), 'SayHello');
  assert.deepEqual([status, trailers, truncated], [200, [['grpc-status', '0']], false]);
  assert.ok(body.endsWith('Hello, world'));
});

test('an answer may have nothing but headers', async () => {
  const { headers, trailers } = await ask(greeter(), 'SayGoodbye');
  assert.deepEqual(trailers, []);
  assert.ok(headers.some(([name, value]) => name === 'grpc-status' && value === '5'));
});

test('no more is kept of a body than was asked for', async () => {
  const { body, truncated } = await ask(greeter(), 'SayHello', 3);
  assert.deepEqual([body, truncated], ['', true]);
});

test('what speaks no HTTP/2, or says nothing, gives no answer', { timeout: 5000 }, async () => {
  const plain = createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await assert.rejects(ask(plain, 'SayHello'));
  const silent = createServer(socket => socket.on('error', () => {}).end());
  await assert.rejects(ask(silent, 'SayHello'));
});
