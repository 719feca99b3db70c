import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Failure } from '../failure.ts';
import type { HttpResponse, Methods } from '../protocol/messages.ts';
import { dial } from './network.ts';
import { unanswered } from './refusal.ts';
import type { Secured } from './secured.ts';

export type HttpParams = Methods['http.request']['params'];

/** A request, or a call of gRPC by the path of its URL. */
export type Asked = HttpParams & { grpc?: true };

const mostBody = 512 * 1024;
const mostTimeMs = 60_000;
const usualPorts: Record<string, number> = { 'http:': 80, 'https:': 443 };

/**
 * One request from inside the network of the process `pid`, on a connection of its own.
 * @throws {Refusal} where the server ended the connection instead of answering
 */
export async function requestIn(pid: number, params: Asked, signal: AbortSignal): Promise<HttpResponse> {
  const url = parseUrl(params.url);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.min(params.timeoutMs, mostTimeMs))]);
  const began = performance.now();
  const socket = await dial(pid, url.hostname, Number(url.port || usualPorts[url.protocol]), limit);
  const stop = (): void => void socket.destroy();
  limit.addEventListener('abort', stop, { once: true });
  try {
    if (params.grpc) {
      // HTTP/2 is loaded with the first call that needs it.
      const { call } = await import('./grpc.ts');
      const answer = await call(socket, url, params.headers, Math.min(params.maximumBody, mostBody));
      return { ...answer, durationMs: Math.round(performance.now() - began) };
    }
    const secured = url.protocol === 'https:' ? await secure(socket, url, params) : undefined;
    const response = await send(secured?.socket ?? socket, url, params);
    const certificate = secured?.certificate();
    const { body, truncated } = await readBody(response, Math.min(params.maximumBody, mostBody));
    return {
      status: response.statusCode ?? 0,
      headers: pairs(response.rawHeaders),
      body,
      durationMs: Math.round(performance.now() - began),
      truncated,
      ...(certificate ? { certificate } : {}),
    };
  } catch (error) {
    if (signal.aborted) throw new Failure('cancelled', 'the caller gave up');
    if (limit.aborted) throw new Failure('timed-out', `no answer from ${params.url} within ${params.timeoutMs} ms`);
    if (error instanceof Failure) throw error;
    throw new Failure('refused', `${params.url}: ${(error as Error).message}`);
  } finally {
    limit.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !(url.protocol in usualPorts)) throw new Failure('invalid', `${text} is not an http URL`);
  return url;
}

/** TLS is loaded with the first request that needs it. */
async function secure(socket: Socket, url: URL, { tls }: HttpParams): Promise<Secured> {
  const { secured } = await import('./secured.ts');
  return secured(socket, url.hostname, tls);
}

function send(socket: Socket, url: URL, { method, headers, body, tls }: HttpParams): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let request: ClientRequest;
    try {
      request = httpRequest({
        createConnection: () => socket,
        method: method ?? 'GET',
        path: url.pathname + url.search,
        setHost: false,
        headers: { host: tls?.serverName || url.host, connection: 'close', ...headers },
      });
    } catch (error) {
      reject(new Failure('invalid', (error as Error).message));
      return;
    }
    request.on('response', resolve);
    request.on('error', error => reject(unanswered(url.href, error)));
    request.end(body);
  });
}

/** The body as text, cut at `most` bytes. */
async function readBody(response: IncomingMessage, most: number): Promise<{ body: string; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) break;
  }
  return { body: Buffer.concat(chunks).subarray(0, most).toString(), truncated: length > most };
}

function pairs(raw: string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) found.push([raw[at]!, raw[at + 1]!]);
  return found;
}
