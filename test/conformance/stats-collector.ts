/** Collects lines of statsd for the scenarios, by UDP and by TCP on one port. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export interface StatsCollector {
  /** In their order; those of a datagram together. */
  datagrams: string[];
  /** What came by TCP. */
  text: () => string;
  connections: () => number;
  close: () => Promise<void>;
}

export async function collectStats(port: number): Promise<StatsCollector> {
  const datagrams: string[] = [];
  const sockets: Socket[] = [];
  let text = '';
  const udp = createSocket('udp4');
  udp.on('message', message => datagrams.push(message.toString('latin1')));
  const tcp = createServer(socket => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
    });
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  await once(tcp.listen(port, '127.0.0.1'), 'listening');
  return {
    datagrams,
    text: () => text,
    connections: () => sockets.length,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      udp.close();
      await once(tcp.close(), 'close');
    },
  };
}
