/** Hosts behind unix domain sockets: what comes to these is passed on to the usual ones. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ports } from '../scenario.ts';

/** Where hosts are that the scenario itself starts; it knows no folder when it does. */
export const hostPath = (ports: Ports, name: string): string => join(tmpdir(), `pipes-${ports.listener}-${name}.sock`);
export const abstractPath = (ports: Ports, name: string): string => `@pipes-${ports.listener}-${name}`;

/** Passes on what comes to one place to another. */
export async function forward(from: number | string, to: number | string): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const host = typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to);
    for (const socket of [client, host]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => sockets.delete(socket));
    }
    client.pipe(host).pipe(client);
    client.on('close', () => host.destroy());
    host.on('close', () => client.destroy());
  });
  if (typeof from === 'number') server.listen(from, '127.0.0.1');
  else {
    if (!from.startsWith('\0')) rmSync(from, { force: true });
    server.listen(from);
  }
  await once(server, 'listening');
  return async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
}

export async function several(...all: Promise<() => Promise<void>>[]): Promise<() => Promise<void>> {
  const ends = await Promise.all(all);
  return async () => {
    for (const end of ends) await end();
  };
}
