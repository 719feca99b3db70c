/** Sends a request or a WebSocket on to the server in which a learner's session lives. Nothing is looked into, and nothing queues beyond a socket's buffers. */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorBody, UnicornError } from '../errors.ts';
import type { PeerConnection } from './replicas.ts';
import { sealHeader } from './seal.ts';

/** How long the other server may be silent over a request. */
const silenceMs = 90_000;
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/** Resolves when the answer was sent, or cut off because either side was lost; never rejects. */
export async function forwardRequest(
  { socket, seal }: PeerConnection,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const headers = { ...withoutHops(request.headers), [sealHeader]: seal(method, url) };
  const outgoing = httpRequest({ method, path: url, headers, createConnection: () => socket });
  outgoing.setTimeout(silenceMs, () => outgoing.destroy(new Error('no answer')));
  response.once('close', () => outgoing.destroy());
  try {
    // An answer may come before all was sent, as a refusal of what is too large.
    pipeline(request, outgoing).catch(() => {});
    const incoming = await answerOf(outgoing);
    response.writeHead(incoming.statusCode ?? 502, withoutHops(incoming.headers));
    await pipeline(incoming, response);
  } catch {
    refuse(response);
  } finally {
    socket.destroy();
  }
}

function answerOf(outgoing: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outgoing.once('response', resolve);
  outgoing.once('error', reject);
  outgoing.once('close', () => reject(new Error('it hung up')));
  return promise;
}

function refuse(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const error = new UnicornError('unavailable', 'The server that has this session was lost.', 'Try again in a moment.');
  response.writeHead(error.status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(errorBody(error)));
}

function withoutHops(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && name !== sealHeader));
}

/** From now on what either side says goes to the other, until one of them ends. */
export function forwardUpgrade(
  { socket, seal }: PeerConnection,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): void {
  const { method = 'GET', url = '/', rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/1.1`, `${sealHeader}: ${seal(method, url)}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== sealHeader) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  }
  // Keystrokes are small: each is sent at once.
  socket.setNoDelay(true);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.write(head);
  // A side that is lost ends the other: the page connects again, and is told by whoever has the session then.
  pipeline(client, socket).catch(() => {});
  pipeline(socket, client).catch(() => {});
}
