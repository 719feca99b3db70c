/** Private memory of our proxy beside the others': at rest, for each connection and for each cluster. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Peer, upstream } from './peers.ts';
import { memoryOf } from './processes.ts';
import type { Setup } from './proxy-configuration.ts';
import { Stand } from './stand.ts';
import { printTable, printTarget, round } from './table.ts';

const connections = 1000;
const clusters = 1000;
/** A proxy gives back what it took once it rests. */
const restMs = 40_000;

interface Figures {
  name: string;
  /** kB. */
  idle: number;
  perConnection: number;
  /** NaN for those that take other configurations. */
  perCluster: number;
}

export async function proxyMemory(): Promise<void> {
  await Stand.with(async stand => {
    const { port } = await stand.keep(upstream(stand.folder, 'http'));
    const setup: Setup = { client: 'http', upstream: port };
    const figures: Figures[] = [];
    for (const peer of await stand.proxies(setup)) {
      const idle = await restingMemory(peer);
      const sockets = await Promise.all(Array.from({ length: connections }, () => connection(peer.port)));
      const connected = await restingMemory(peer);
      for (const socket of sockets) socket.destroy();
      const perConnection = (connected - idle) / connections;
      figures.push({ name: peer.name, idle, perConnection, perCluster: Number.NaN });
    }
    for (const peer of await stand.proxies({ ...setup, idleClusters: clusters }, ['Envoy', 'ours'])) {
      const figure = figures.find(({ name }) => name === peer.name)!;
      figure.perCluster = ((await restingMemory(peer)) - figure.idle) / clusters;
    }
    report(figures);
  });
}

async function restingMemory({ pid, name }: Peer): Promise<number> {
  await wait(name === 'ours' ? restMs : restMs / 10);
  const memory = memoryOf(pid);
  if (memory === null) throw new Error(`${name} has ended`);
  return memory.private;
}

/** A connection that has asked once and stays. */
async function connection(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: bench\r\n\r\n');
  await once(socket, 'data');
  socket.resume();
  return socket;
}

function report(figures: readonly Figures[]): void {
  printTable(
    `Private memory at rest (${connections} connections, ${clusters} clusters more)`,
    ['proxy', 'idle MiB', 'kB a connection', 'kB a cluster'],
    figures.map(({ name, idle, perConnection, perCluster }) => [
      name,
      round(idle / 1024),
      round(perConnection),
      Number.isNaN(perCluster) ? '-' : round(perCluster),
    ]),
  );
  const ours = figures.find(({ name }) => name === 'ours');
  if (ours !== undefined) printTarget('idle', ours.idle / 1000, 'under', 20, 'MB');
}
