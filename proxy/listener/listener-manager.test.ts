import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { create, fromJson, type JsonObject } from '@bufbuild/protobuf';
import { BootstrapSchema } from '../api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { ListenerSchema } from '../api/envoy/config/listener/v3/listener_pb.js';
import { StatsStore } from '../stats/store.ts';
import { globalQuota } from './connection-quota.ts';
import type { ListenerContext } from './listener.ts';
import { ListenerManager } from './listener-manager.ts';

const document = (port: number): JsonObject => ({
  name: 'one',
  address: { socket_address: { address: '127.0.0.1', port_value: port } },
  filter_chains: [{}],
});

function managerOf() {
  const store = new StatsStore();
  const allConnections = globalQuota(create(BootstrapSchema), { store, runtime: undefined, shared: undefined });
  const context = {
    store,
    observers: [],
    allConnections,
    accessLog: () => undefined,
  } as unknown as ListenerContext;
  const manager = new ListenerManager([], context, { durationMs: 0, gradual: false });
  const failures = store.counter('listener_manager.listener_create_failure');
  return { manager, failures };
}

const update = (manager: ListenerManager, port: number) =>
  manager.update(fromJson(ListenerSchema, document(port)), document(port), 'v1');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function outcome(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return 'connected';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    socket.destroy();
  }
}

test('nobody is let in before a listener can serve', async () => {
  const { manager } = managerOf();
  const port = await freePort();
  await update(manager, port);
  assert.equal(await outcome(port), 'ECONNREFUSED');
  await manager.open();
  while (manager.listeners.length === 0) await new Promise(resolve => setImmediate(resolve));
  assert.equal(await outcome(port), 'connected');
  manager.destroy();
});

test('a listener that finds somebody else at its address when it could serve is gone, and counted', async () => {
  const { manager, failures } = managerOf();
  const port = await freePort();
  await update(manager, port);
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  await manager.open();
  while (failures.value === 0) await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(manager.dynamic, []);
  other.close();
  await once(other, 'close');
  assert.equal(await update(manager, port), true, 'it may come again');
  while (manager.listeners.length === 0) await new Promise(resolve => setImmediate(resolve));
  assert.equal(await outcome(port), 'connected');
  manager.destroy();
});

test('an address that somebody else has is refused at once', async () => {
  const { manager, failures } = managerOf();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await assert.rejects(update(manager, port), { message: `cannot bind '127.0.0.1:${port}': Address already in use` });
  assert.equal(failures.value, 1);
  other.close();
  manager.destroy();
});
