import type { WebSocket } from 'ws';

const usualMs = 25_000;

/**
 * Pings every client, so that idle connections are not cut on the way, and drops those that have not answered when the next ping is due. One that is
 * not read, since what it sent before has to wait, cannot be heard: it is not taken for gone. Answers how to stop.
 */
export function keepAlive(clients: ReadonlySet<WebSocket>, intervalMs = usualMs): () => void {
  const known = new WeakSet<WebSocket>();
  const waiting = new WeakSet<WebSocket>();
  const timer = setInterval(() => {
    for (const client of clients) {
      if (!known.has(client)) client.on('pong', () => waiting.delete(client));
      known.add(client);
      if (client.isPaused) waiting.delete(client);
      else if (waiting.has(client)) {
        client.terminate();
        continue;
      } else waiting.add(client);
      client.ping();
    }
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
