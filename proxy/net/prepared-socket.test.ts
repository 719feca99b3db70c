import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  boundPipe,
  boundSocket,
  closeSocket,
  numberOption,
  prepareConnect,
  SocketOptionError,
  samePipe,
} from './prepared-socket.ts';
import { freeBinding } from './stated-options.ts';
import { descriptorOf, systemCalls } from './system-calls.ts';

const mark = numberOption(1, 10, 1, 'oobinline');
const wrong = numberOption(1, 9999, 1, 'the wrong one');

function option(descriptor: number, level: number, name: number): number {
  const [value, length] = [Buffer.alloc(4), Buffer.from([4, 0, 0, 0])];
  assert.equal(systemCalls().getsockopt(descriptor, level, name, value, length), 0);
  return value.readInt32LE();
}

const namesIt = (error: unknown): boolean =>
  error instanceof SocketOptionError &&
  error.message === 'socket option the wrong one, level 1 name 9999: Protocol not available';

const plain = { before: [], after: [], reusePort: false, ipv6Only: false };

for (const [host, family] of [
  ['127.0.0.1', 'IPv4'],
  ['::1', 'IPv6'],
])
  test(`a socket of ${family} is told options before and after it is bound, and serves`, async () => {
    const keepAlive = numberOption(1, 9, 1);
    const descriptor = boundSocket(host!, 0, { before: [mark], after: [keepAlive], reusePort: true, ipv6Only: false });
    assert.deepEqual(
      [10, 9, 15].map(name => option(descriptor, 1, name)),
      [1, 1, 1],
    );
    const server = createServer(socket => socket.end('hello')).listen({ fd: descriptor });
    await once(server, 'listening');
    const { address, port } = server.address() as AddressInfo;
    assert.equal(address, host);
    const client = connect(port, host!);
    const [heard] = (await once(client, 'data')) as [Buffer];
    assert.equal(String(heard), 'hello');
    server.close();
  });

test('a port that is taken is told by its code, an option by its name', () => {
  const first = boundSocket('127.0.0.1', 0, plain);
  const server = createServer().listen({ fd: first });
  const { port } = server.address() as AddressInfo;
  assert.throws(() => boundSocket('127.0.0.1', port, plain), { code: 'EADDRINUSE', message: 'Address already in use' });
  assert.throws(() => boundSocket('127.0.0.1', 0, { ...plain, before: [wrong] }), namesIt);
  assert.throws(() => boundSocket('127.0.0.1', 0, { ...plain, after: [mark, wrong] }), namesIt);
  server.close();
});

test('addresses of others are bound where that is allowed', () => {
  assert.throws(() => boundSocket('203.0.113.9', 0, plain), { code: 'EADDRNOTAVAIL' });
  systemCalls().close(boundSocket('203.0.113.9', 0, { ...plain, before: [freeBinding('203.0.113.9')] }));
  systemCalls().close(boundSocket('2001:db8::9:1', 0, { ...plain, before: [freeBinding('2001:db8::9:1')] }));
});

test('a socket that connects was told its options before', async () => {
  const server = createServer(socket => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = (): Socket => connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  const socket = open();
  prepareConnect(socket, '127.0.0.1', [mark]);
  assert.equal(option(descriptorOf(socket)!, 1, 10), 1);
  await once(socket, 'connect');
  assert.equal(socket.localAddress, '127.0.0.2');
  assert.equal(option(descriptorOf(socket)!, 1, 10), 1);
  socket.destroy();
  const other = open();
  assert.throws(() => prepareConnect(other, '127.0.0.1', [wrong]), namesIt);
  other.destroy();
  server.close();
});

test('a pipe takes the place of what lay at its path, and another thread gets that one alone', t => {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [path, other] = [join(folder, 'a.sock'), join(folder, 'b.sock')];
  writeFileSync(path, 'something');
  const descriptor = boundPipe(path, 0o640, { before: [], after: [] });
  const { mode } = statSync(path);
  const same = samePipe(path, descriptor);
  assert.deepEqual([statSync(path).isSocket(), mode & 0o777, same === descriptor], [true, 0o640, false]);
  assert.throws(() => samePipe(other, descriptor), { code: 'EBADF' });
  for (const one of [descriptor, same]) closeSocket(one);
  assert.throws(() => samePipe(path, descriptor), { code: 'EBADF' });
});
