import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { keepAliveSetter } from './socket-options.ts';
import { descriptorOf, systemCalls } from './system-calls.ts';

function option(socket: Socket, level: number, name: number): number {
  const [value, length] = [Buffer.alloc(4), Buffer.from([4, 0, 0, 0])];
  assert.equal(systemCalls().getsockopt(descriptorOf(socket)!, level, name, value, length), 0);
  return value.readInt32LE();
}

test('peers of silent connections are asked as often as configured', async () => {
  const server = createServer(peer => peer.resume().on('end', () => peer.end())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const [probes, time, interval] = [6, 4, 5].map(name => option(socket, 6, name));
  keepAliveSetter({ probes: undefined, timeSeconds: 77, intervalSeconds: undefined })(socket);
  assert.deepEqual([option(socket, 1, 9), option(socket, 6, 6), option(socket, 6, 5)], [1, probes, interval]);
  assert.equal(option(socket, 6, 4), 77);
  assert.notEqual(time, 77);
  keepAliveSetter({ probes: 3, timeSeconds: 20, intervalSeconds: 4 })(socket);
  assert.deepEqual(
    [6, 4, 5].map(name => option(socket, 6, name)),
    [3, 20, 4],
  );
  socket.end();
  await once(socket, 'close');
  keepAliveSetter({ probes: 3, timeSeconds: 20, intervalSeconds: 4 })(socket);
  server.close();
});
