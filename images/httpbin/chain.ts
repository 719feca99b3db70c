/** A service that asks another one: the way through both is the answer. */
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { type Exchange, send } from './exchange.ts';

export interface Link {
  /** What this service is called in the answer. */
  name: string;
  /** Whom it asks; undefined: it is the last one. */
  next: URL | undefined;
  /** The headers of a request that it hands on to the next one, in lower case. */
  handsOn: readonly string[];
}

/** Answers with its own name, and behind it what the next one answers. */
export async function answerChain(exchange: Exchange, { name, next, handsOn }: Link): Promise<void> {
  const plain = { 'content-type': 'text/plain' };
  if (next === undefined) return send(exchange, `${name}\n`, 200, plain);
  try {
    const { status, body } = await ask(next, handedOn(exchange.request.headers, handsOn), exchange.signal);
    if (status === 200) send(exchange, `${name} => ${body}`, 200, plain);
    else send(exchange, `${name}: the next service answered ${status}\n`, 503, plain);
  } catch (error) {
    exchange.signal.throwIfAborted();
    send(exchange, `${name}: ${error instanceof Error ? error.message : String(error)}\n`, 503, plain);
  }
}

function handedOn(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string | string[]> {
  return Object.fromEntries(
    names.flatMap(name => {
      const value = headers[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function ask(
  url: URL,
  headers: Record<string, string | string[]>,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  const answered = Promise.withResolvers<IncomingMessage>();
  request(url, { headers, signal, agent: false }, answered.resolve).on('error', answered.reject).end();
  const answer = await answered.promise;
  let body = '';
  for await (const chunk of answer.setEncoding('utf8')) body += chunk;
  return { status: answer.statusCode ?? 0, body };
}
