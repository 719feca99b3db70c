import type { IncomingMessage, ServerResponse } from 'node:http';

export const limits = {
  /** Bytes of a request's body. */
  body: 1024 * 1024,
  /** Bytes that /bytes and /drip give, and of a chunk of /stream-bytes. */
  bytes: 100 * 1024,
  /** Bytes that /stream-bytes gives. */
  streamedBytes: 100_000_000,
  /** Seconds that /delay and /drip take. */
  seconds: 10,
  /** Lines of /stream. */
  lines: 100,
  /** Hops of /redirect. */
  redirects: 100,
} as const;

/** A request that is refused: becomes an answer with this status and these words. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;
  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.headers = headers;
  }
}

/** One request, read in full, and its answer. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  body: Buffer;
  /** What the endpoint's path has in its places, by name. */
  path: Record<string, string>;
  /** Aborted when the client left. */
  signal: AbortSignal;
}

/** Reads the body, up to the limit. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > limits.body)
      throw new Refusal(413, `a body of more than ${limits.body} bytes`, { connection: 'close' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A number from a path or a query, or a refusal that names it. */
export function numberOf(name: string, text: string | null, fallback?: number): number {
  if ((text === null || text === '') && fallback !== undefined) return fallback;
  const value = Number(text);
  if (text === null || text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new Refusal(400, `${name}: a number is expected, found "${text ?? ''}"`);
  }
  return value;
}

/** A status code from 100 (200 for an answer that ends) to 599, or a refusal. */
export function statusOf(text: string): number {
  const status = Number(text);
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new Refusal(400, `Invalid status code: "${text}"; 200 to 599 are possible`);
  }
  return status;
}

/** Answers with JSON as httpbin writes it: sorted keys, two spaces, a line end. */
export function json(exchange: Exchange, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  send(exchange, `${JSON.stringify(sorted(value), null, 2)}\n`, status, {
    'content-type': 'application/json',
    ...headers,
  });
}

/** Answers with a whole body. */
export function send(
  exchange: Exchange,
  body: string | Buffer,
  status = 200,
  headers: Record<string, string> = {},
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  exchange.response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': bytes.length,
    ...headers,
  });
  exchange.response.end(exchange.request.method === 'HEAD' ? undefined : bytes);
}

/** The same value with the keys of every object in order. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
