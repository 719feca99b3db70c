/** When the fast path is taken, and when not. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { connected, Ear, rest, server } from './both-transports.ts';
import { openTransport } from './handle-transport.ts';
import { SocketTransport } from './transport.ts';

test('in this Node the fast path is taken', async () => {
  const { socket, peer } = await connected();
  const transport = openTransport(socket);
  assert.ok(!(transport instanceof SocketTransport));
  transport.destroy();
  peer.destroy();
});

test('where Node lacks one of the internals, the general path is taken', async () => {
  const stream = (process as unknown as { binding(name: string): object }).binding('stream_wrap');
  const needed = ['WriteWrap', 'ShutdownWrap', 'streamBaseState', 'kReadBytesOrError', 'kLastWriteWasAsync'];
  for (const name of needed) {
    const { socket, peer } = await connected();
    const transport = openTransport(socket, undefined, { ...stream, [name]: undefined });
    assert.ok(transport instanceof SocketTransport, name);
    const ear = new Ear(transport);
    peer.end('works');
    await ear.until(({ events }) => events.includes('end'));
    assert.equal(ear.text, 'works', name);
    transport.destroy();
  }
  const handleNeeds = ['useUserBuffer', 'readStart', 'readStop', 'writeLatin1String', 'writeBuffer', 'shutdown'];
  for (const name of handleNeeds) {
    const { socket, peer } = await connected();
    Object.defineProperty((socket as unknown as { _handle: object })._handle, name, { value: undefined });
    assert.ok(openTransport(socket) instanceof SocketTransport, name);
    peer.resetAndDestroy();
    socket.on('error', () => {});
  }
});

test('a Node that forbids its internals runs the general path', async () => {
  const script = `
    import { connect } from 'node:net';
    import { openTransport } from ${JSON.stringify(new URL('./handle-transport.ts', import.meta.url).href)};
    const socket = connect(${(server.address() as AddressInfo).port}, '127.0.0.1', () => {
      const transport = openTransport(socket);
      transport.writeText(transport.constructor.name);
      transport.end();
    });`;
  const args = ['--permission', '--allow-fs-read=*', '--input-type=module', '--eval', script];
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const child = promisify(execFile)(process.execPath, args);
  const [socket] = await accepted;
  assert.equal((await rest(socket)).toString(), 'SocketTransport');
  socket.end();
  await child;
});
