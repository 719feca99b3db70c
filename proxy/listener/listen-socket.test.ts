import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { BindError, ListenSocket } from './listen-socket.ts';

const anyPort = { host: '127.0.0.1', port: 0, listens: true };
const fail = (error: Error): never => {
  throw error;
};

test('every connection of a burst comes to the one who takes them', { timeout: 30_000 }, async () => {
  const accepted: Socket[] = [];
  const whole = Promise.withResolvers<void>();
  const socket = new ListenSocket(anyPort, false, fail);
  socket.handTo({
    accept: connection => {
      if (accepted.push(connection) === 100) whole.resolve();
    },
  });
  await socket.listen(1000);
  assert.ok(socket.isListening);
  assert.equal(socket.address, `127.0.0.1:${socket.place}`);
  const clients = Array.from({ length: 100 }, () => connect(socket.place, '127.0.0.1'));
  await whole.promise;
  assert.equal(new Set(accepted.map(({ remotePort }) => remotePort)).size, 100);
  for (const one of [...accepted, ...clients]) one.destroy();
  socket.close();
});

test('a port that somebody has is not shared, and free again when they leave', async () => {
  const first = new ListenSocket(anyPort, false, fail);
  await first.listen(10);
  const second = new ListenSocket({ ...anyPort, port: first.place }, false, fail);
  await assert.rejects(second.listen(10), (error: BindError) => {
    assert.ok(error instanceof BindError);
    assert.equal(error.message, `cannot bind '127.0.0.1:${first.place}': Address already in use`);
    return true;
  });
  first.close();
  const third = new ListenSocket({ ...anyPort, port: first.place }, false, fail);
  await third.listen(10);
  third.close();
});

test('workers share a port', async () => {
  const first = new ListenSocket(anyPort, true, fail);
  await first.listen(10);
  const second = new ListenSocket(anyPort, true, fail);
  await second.listen(10, first.place);
  assert.equal(second.place, first.place);
  first.close();
  second.close();
});

test('what comes before somebody takes it is refused', { timeout: 30_000 }, async () => {
  const socket = new ListenSocket(anyPort, false, fail);
  await socket.listen(10);
  const client = connect(socket.place, '127.0.0.1');
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  socket.close();
});
