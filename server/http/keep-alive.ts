import type { WebSocket } from 'ws';

const intervalMs = 25_000;

/** Pings every client, so that idle connections are not cut on the way, and drops those that are gone. Answers how to stop. */
export function keepAlive(clients: ReadonlySet<WebSocket>): () => void {
  const waiting = new WeakSet<WebSocket>();
  const timer = setInterval(() => {
    for (const client of clients) {
      if (waiting.has(client)) {
        client.terminate();
        continue;
      }
      waiting.add(client);
      client.once('pong', () => waiting.delete(client));
      client.ping();
    }
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
