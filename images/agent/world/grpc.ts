/** A call of gRPC, for checks: one message without content there, whatever comes back. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Socket } from 'node:net';
import type { HttpResponse } from '../protocol/messages.ts';

/** No compression, and no bytes. */
const emptyMessage = Buffer.alloc(5);

type Answer = Pick<HttpResponse, 'status' | 'headers' | 'trailers' | 'body' | 'truncated'>;

/**
 * Calls the method that the URL's path names, by HTTP/2 without TLS on a connection to its host.
 * @throws Error where the stream ends without headers
 */
export async function call(
  socket: Socket,
  url: URL,
  headers: Record<string, string> = {},
  maximumBody = 0,
): Promise<Answer> {
  const session = connect(url.origin, { createConnection: () => socket });
  try {
    return await answerOn(session, url, headers, maximumBody);
  } finally {
    session.destroy();
  }
}

function answerOn(
  session: ClientHttp2Session,
  url: URL,
  headers: Record<string, string>,
  maximumBody: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': url.pathname,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    hear(stream, maximumBody, resolve, reject);
    stream.end(emptyMessage);
  });
}

function hear(
  stream: ClientHttp2Stream,
  maximumBody: number,
  resolve: (answer: Answer) => void,
  reject: (error: Error) => void,
): void {
  const answer: Answer = { status: 0, headers: [], trailers: [], body: '', truncated: false };
  const chunks: Buffer[] = [];
  let length = 0;
  stream.once('error', reject);
  stream.once('response', (head, _flags, raw: string[]) => {
    answer.status = Number(head[':status']);
    answer.headers = pairs(raw);
  });
  stream.once('trailers', (_head, _flags, raw: string[]) => {
    answer.trailers = pairs(raw);
  });
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= maximumBody) chunks.push(chunk);
    else answer.truncated = true;
  });
  stream.once('close', () => {
    if (answer.status === 0) reject(new Error('the stream was ended without an answer'));
    else resolve({ ...answer, body: Buffer.concat(chunks).toString() });
  });
}

function pairs(raw: readonly string[]): [string, string][] {
  const all = Array.from({ length: raw.length / 2 }, (_, i): [string, string] => [
    raw[2 * i] ?? '',
    raw[2 * i + 1] ?? '',
  ]);
  return all.filter(([name]) => !name.startsWith(':'));
}
