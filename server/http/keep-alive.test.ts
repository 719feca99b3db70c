import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { keepAlive } from './keep-alive.ts';

const timeout = 10_000;
const intervalMs = 50;

async function pair(context: TestContext, autoPong: boolean): Promise<{ client: WebSocket; page: WebSocket }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const page = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { autoPong });
  const stop = keepAlive(server.clients, intervalMs);
  context.after(() => {
    stop();
    page.terminate();
    server.close();
  });
  const [client] = (await once(server, 'connection')) as [WebSocket];
  return { client, page };
}

const pings = async (page: WebSocket, count: number): Promise<void> => {
  for (let seen = 0; seen < count; seen++) await once(page, 'ping');
};

test('a page that answers stays, one that does not is dropped', { timeout }, async context => {
  const [lively, gone] = [await pair(context, true), await pair(context, false)];
  const dropped = once(gone.client, 'close');
  await pings(lively.page, 4);
  await dropped;
  assert.equal(lively.client.readyState, WebSocket.OPEN);
});

test('a page that is not read while its typing has to wait stays, and is looked after again then', {
  timeout,
}, async context => {
  const { client, page } = await pair(context, true);
  client.pause();
  await pings(page, 5);
  assert.equal(client.readyState, WebSocket.OPEN);
  client.resume();
  await pings(page, 3);
  assert.equal(client.readyState, WebSocket.OPEN);
  page.pause();
  await once(client, 'close');
});
