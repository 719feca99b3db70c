/** A collector of traces: takes what Zipkin and OpenTelemetry send, and gives Zipkin's API to read, so that a real Zipkin may stand in its place. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { zipkinSpansOf } from './otlp-spans.ts';
import { isSpan, type Span } from './span.ts';
import type { TraceStore } from './store.ts';
import { waterfall } from './waterfall.ts';

const mostBytes = 4 * 1024 * 1024;
const usualLimit = 10;
const plainStyle = { columns: 100, colours: false };

/** A request that is not understood, with the status that says so. */
class Refusal extends Error {
  readonly code = 'refused';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Makes the server; it does not listen yet. @param onSpan hears of each span after it is kept */
export function collector(store: TraceStore, onSpan: (span: Span) => void): Server {
  return createServer((request, response) => {
    void answer(request, response, store, onSpan).catch((error: unknown) => {
      const status = error instanceof Refusal ? error.status : 400;
      const message = error instanceof Error ? error.message : String(error);
      response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${message}\n`);
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  store: TraceStore,
  onSpan: (span: Span) => void,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://collector');
  const route = `${request.method === 'HEAD' ? 'GET' : request.method} ${pathname}`;
  const keep = (spans: readonly Span[]): void => {
    for (const span of spans) {
      store.add(span);
      onSpan(span);
    }
  };
  switch (route) {
    case 'POST /api/v2/spans':
      keep(parseZipkin(await bodyOf(request)));
      response.writeHead(202).end();
      return;
    case 'POST /v1/traces':
      keep(zipkinSpansOf(await bodyOf(request)).filter(isSpan));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      return;
    case 'GET /api/v2/services':
      json(response, store.services());
      return;
    case 'GET /api/v2/traces': {
      const limit = Number(searchParams.get('limit') ?? usualLimit);
      json(response, store.last(limit, searchParams.get('serviceName') ?? undefined));
      return;
    }
    case 'GET /health':
      json(response, { status: 'UP' });
      return;
    case 'GET /':
      text(
        response,
        store
          .last(usualLimit)
          .map(spans => waterfall(spans, plainStyle))
          .reverse()
          .join('\n'),
      );
      return;
  }
  const id = /^GET \/api\/v2\/trace\/([0-9a-f]{1,32})$/.exec(route)?.[1];
  if (id === undefined) throw new Refusal(404, `${route}: nothing is there; /api/v2/traces has the last traces`);
  const spans = store.trace(id);
  if (spans === undefined) throw new Refusal(404, `trace ${id} is not known`);
  json(response, spans);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) throw new Refusal(413, `a report of more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseZipkin(body: Buffer): Span[] {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (!Array.isArray(value) || !value.every(isSpan)) throw new Refusal(400, 'a list of spans in JSON is expected');
  return value;
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function text(response: ServerResponse, value: string): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(value);
}
