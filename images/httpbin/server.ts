import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { LogEntry } from '../request-log.ts';
import type { Link } from './chain.ts';
import { decode } from './description.ts';
import { type Endpoint, endpoints } from './endpoints.ts';
import { type Exchange, json, Refusal, readBody, send } from './exchange.ts';
import { indexPage } from './index-page.ts';

/** Answers the last requests that ended, for who checks what arrived; such a request is neither logged nor remembered. */
const arrivalsPath = '/_arrivals';
const remembered = 200;

const alone: Link = { name: 'httpbin', next: undefined, handsOn: [] };

/** Makes the server; it does not listen yet. */
export function httpbin(log: (entry: LogEntry) => void, link: Link = alone): Server {
  const table = endpoints(link);
  const arrivals: LogEntry[] = [];
  const server = createServer((request, response) => {
    if (request.url === arrivalsPath) {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ arrivals }));
      return;
    }
    watch(request, response, entry => {
      if (arrivals.push(entry) > remembered) arrivals.shift();
      log(entry);
    });
    void serve(table, request, response);
  });
  // a pooled connection of a proxy is closed by the proxy alone, else a request may meet the close
  server.keepAliveTimeout = 0;
  server.maxConnections = 1024;
  return server;
}

function watch(request: IncomingMessage, response: ServerResponse, log: (entry: LogEntry) => void): void {
  const atMs = Date.now();
  response.once('close', () => {
    const status = response.writableEnded ? response.statusCode : 0;
    const headers = pairs(request.rawHeaders);
    log({
      atMs,
      method: request.method ?? '',
      path: request.url ?? '',
      headers,
      status,
      durationMs: Date.now() - atMs,
    });
  });
}

function pairs(raw: string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? '', raw[2 * i + 1] ?? '']);
}

async function serve(table: Endpoint[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  response.setHeader('server', 'httpbin');
  response.setHeader('access-control-allow-origin', request.headers.origin ?? '*');
  response.setHeader('access-control-allow-credentials', 'true');
  const url = URL.parse(request.url ?? '/', 'http://localhost') ?? new URL('http://localhost/');
  const exchange: Exchange = { request, response, url, body: Buffer.alloc(0), path: {}, signal: left.signal };
  try {
    await answer(table, exchange);
  } catch (error) {
    if (!left.signal.aborted) fail(exchange, error);
  }
}

async function answer(table: Endpoint[], exchange: Exchange): Promise<void> {
  const { request, url } = exchange;
  exchange.body = await readBody(request);
  if (url.pathname === '/') return send(exchange, indexPage(table));
  const here = table.flatMap(endpoint => {
    const path = match(endpoint.path, url.pathname);
    return path ? [{ endpoint, path }] : [];
  });
  const found = here.find(
    ({ endpoint }) => endpoint.methods === '*' || endpoint.methods.includes(request.method ?? ''),
  );
  if (!found)
    return refuse(
      exchange,
      here.map(({ endpoint }) => endpoint),
    );
  exchange.path = found.path;
  await found.endpoint.answer(exchange);
}

/** What the pattern's places have in the path, or null. */
function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.at(-1) !== '*' && wanted.length !== given.length) return null;
  const places: Record<string, string> = {};
  for (const [i, segment] of wanted.entries()) {
    if (segment === '*') return places;
    const value = given[i];
    if (value === undefined) return null;
    if (segment.startsWith(':')) places[segment.slice(1)] = decode(value);
    else if (segment !== value) return null;
  }
  return places;
}

function refuse(exchange: Exchange, here: Endpoint[]): void {
  const methods = [...new Set(here.flatMap(({ methods }) => methods)), 'OPTIONS'].join(', ');
  if (here.length === 0) throw new Refusal(404, 'The requested URL was not found; / lists what there is.');
  if (exchange.request.method !== 'OPTIONS') throw new Refusal(405, `Here: ${methods}`, { allow: methods });
  send(exchange, '', 200, {
    allow: methods,
    'access-control-allow-methods': methods,
    'access-control-max-age': '3600',
  });
}

function fail(exchange: Exchange, error: unknown): void {
  if (exchange.response.headersSent) exchange.response.destroy();
  else if (error instanceof Refusal) json(exchange, { error: error.message }, error.status, error.headers);
  else json(exchange, { error: error instanceof Error ? error.message : 'unknown' }, 500);
}
