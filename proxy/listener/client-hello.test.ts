import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import * as tls from 'node:tls';
import { type ClientHello, lookForHello, type NoHello, parseClientHello } from './client-hello.ts';
import { peek as peekInto } from './peek.ts';

type Peeked = ClientHello | NoHello | 'timed-out' | 'closed';

/** The first bytes of Node's own client. */
async function helloOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

const asked = { servername: 'A.Example', ALPNProtocols: ['h2', 'http/1.1'] };
const asExpected = (found: Peeked | undefined): unknown =>
  typeof found === 'object'
    ? { serverName: found.serverName, applicationProtocols: found.applicationProtocols }
    : found;
const expected = { serverName: 'a.example', applicationProtocols: ['h2', 'http/1.1'] };

test('a hello tells its server and protocols, however it is cut', async () => {
  const bytes = await helloOf(asked);
  for (let length = 0; length < bytes.length; length++)
    assert.equal(parseClientHello(bytes.subarray(0, length)), undefined, `${length} bytes`);
  assert.deepEqual(asExpected(parseClientHello(bytes)), expected);
  assert.deepEqual(parseClientHello(Buffer.concat([bytes, Buffer.from('more')])), 'not-tls');
  assert.deepEqual(asExpected(parseClientHello(await helloOf({}))), { serverName: '', applicationProtocols: [] });
});

test('a hello may come in several records', async () => {
  const bytes = await helloOf(asked);
  const message = bytes.subarray(5);
  const records = [message.subarray(0, 3), message.subarray(3, 100), message.subarray(100)].map(part => {
    const head = Buffer.from([22, 3, 1, 0, 0]);
    head.writeUInt16BE(part.length, 3);
    return Buffer.concat([head, part]);
  });
  assert.deepEqual(asExpected(parseClientHello(Buffer.concat(records))), expected);
});

test('what is no hello is told, and nothing makes it throw', async () => {
  assert.equal(parseClientHello(Buffer.from('GET / HTTP/1.1\r\n')), 'not-tls');
  assert.equal(parseClientHello(Buffer.from([22, 2])), 'not-tls');
  assert.equal(parseClientHello(Buffer.from([22, 3, 1, 0, 0])), 'not-tls');
  assert.equal(parseClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), 'not-tls');
  assert.equal(parseClientHello(Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255])), 'too-large');
  const bytes = await helloOf(asked);
  for (let round = 0; round < 5000; round++) {
    const broken = Buffer.from(bytes);
    for (let i = 0; i < 3; i++) broken[Math.floor(Math.random() * broken.length)] = Math.floor(Math.random() * 256);
    assert.doesNotThrow(() => parseClientHello(broken), broken.toString('hex'));
  }
});

/** Peeks into one connection, and what is read of it afterwards. */
async function peek(act: (client: Socket) => unknown, timeoutMs: number): Promise<{ peeked: Peeked; socket: Socket }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const found = Promise.withResolvers<Peeked>();
  peekInto(socket, timeoutMs, lookForHello, found.resolve);
  await act(client);
  const peeked = await found.promise;
  client.end();
  server.close();
  return { peeked, socket };
}

test('what was looked at is still there to be read', async () => {
  const bytes = await helloOf(asked);
  for (const size of [1, 10, 200, bytes.length]) {
    const { peeked, socket } = await peek(async client => {
      client.setNoDelay(true);
      for (let at = 0; at < bytes.length; at += size) {
        client.write(bytes.subarray(at, at + size));
        await new Promise(setImmediate);
      }
      client.end();
    }, 0);
    assert.deepEqual(asExpected(peeked), expected);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    assert.deepEqual(Buffer.concat(chunks), bytes);
    socket.destroy();
  }
});

test('who says nothing is told, and who leaves', async () => {
  const silent = await peek(() => {}, 20);
  assert.equal(silent.peeked, 'timed-out');
  silent.socket.destroy();
  const gone = await peek(client => client.end(), 0);
  assert.equal(gone.peeked, 'closed');
  gone.socket.destroy();
  const reset = await peek(client => client.resetAndDestroy(), 0);
  assert.equal(reset.peeked, 'closed');
});
