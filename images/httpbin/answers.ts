/** The answers of the endpoints that take more than a line. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, describeWithBody } from './description.ts';
import { type Exchange, json, limits, numberOf, Refusal, send, statusOf } from './exchange.ts';

export function anything(exchange: Exchange): void {
  json(exchange, { ...describeWithBody(exchange), method: exchange.request.method });
}

export function status(exchange: Exchange): void {
  const code = choose(exchange.path.codes ?? '');
  const location = [301, 302, 303, 305, 307, 308].includes(code) ? { location: '/redirect/1' } : undefined;
  const challenge = code === 401 ? { 'www-authenticate': 'Basic realm="Fake Realm"' } : undefined;
  if (code === 418)
    send(
      exchange,
      '\n    -=[ teapot ]=-\n\n       _...._\n     .\'  _ _ `.\n    | ."` ^ `". _,\n    \\_;`"---"`|//\n      |       ;/\n      \\_     _/\n        `"""`\n',
      418,
    );
  else send(exchange, '', code, { ...location, ...challenge });
}

/** One status of `200`, `200,500` or `200:0.7,500:0.3`. */
function choose(codes: string): number {
  const choices = codes.split(',').map(choice => {
    const [code = '', weight] = choice.split(':');
    return { code: statusOf(code), weight: weight === undefined ? 1 : numberOf('weight', weight) };
  });
  let point = Math.random() * choices.reduce((sum, { weight }) => sum + weight, 0);
  for (const { code, weight } of choices) {
    if (point < weight) return code;
    point -= weight;
  }
  return choices[0]!.code;
}

export async function delay(exchange: Exchange): Promise<void> {
  const seconds = Math.min(numberOf('seconds', exchange.path.seconds ?? null), limits.seconds);
  await wait(seconds * 1000, undefined, { signal: exchange.signal });
  const { json: _, ...told } = describeWithBody(exchange);
  json(exchange, told);
}

export function bytes(exchange: Exchange): void {
  const count = Math.min(Math.trunc(numberOf('count', exchange.path.count ?? null)), limits.bytes);
  send(exchange, random(count), 200, { 'content-type': 'application/octet-stream' });
}

/** By the global `crypto`, which is loaded when it is used: node:crypto takes 1.4 MB of an idle process. */
function random(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  for (let at = 0; at < count; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

export function stream(exchange: Exchange): void {
  const lines = Math.min(Math.trunc(numberOf('lines', exchange.path.lines ?? null)), limits.lines);
  exchange.response.writeHead(200, { 'content-type': 'application/json' });
  const told = describe(exchange);
  for (let id = 0; id < lines; id++) exchange.response.write(`${JSON.stringify({ ...told, id })}\n`);
  exchange.response.end();
}

/** As much as the client takes, and no faster: none of it waits here. */
export async function streamBytes(exchange: Exchange): Promise<void> {
  const query = exchange.url.searchParams;
  const count = Math.min(Math.trunc(numberOf('count', exchange.path.count ?? null)), limits.streamedBytes);
  const size = Math.min(Math.trunc(numberOf('chunk_size', query.get('chunk_size'), 10 * 1024)), limits.bytes);
  if (size === 0) throw new Refusal(400, 'chunk_size: a number above 0 is expected, found "0"');
  const { request, response, signal } = exchange;
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  const wanted = request.method === 'HEAD' ? 0 : count;
  for (let sent = 0; sent < wanted && !signal.aborted; sent += size) {
    if (!response.write(random(Math.min(size, wanted - sent)))) await once(response, 'drain', { signal });
  }
  response.end();
}

export async function drip(exchange: Exchange): Promise<void> {
  const query = exchange.url.searchParams;
  const seconds = Math.min(numberOf('duration', query.get('duration'), 2), limits.seconds);
  const before = Math.min(numberOf('delay', query.get('delay'), 0), limits.seconds);
  const count = Math.min(Math.trunc(numberOf('numbytes', query.get('numbytes'), 10)), limits.bytes);
  const code = statusOf(query.get('code') ?? '200');
  await wait(before * 1000, undefined, { signal: exchange.signal });
  exchange.response.writeHead(code, { 'content-type': 'application/octet-stream', 'content-length': count });
  // a write for each byte, but not more of them than a timer can keep up with
  const writes = Math.min(count, Math.max(1, Math.round(seconds * 100)));
  for (let sent = 0, i = 1; i <= writes; i++) {
    const until = Math.round((count * i) / writes);
    exchange.response.write(Buffer.alloc(until - sent, '*'));
    sent = until;
    if (i < writes) await wait((seconds * 1000) / writes, undefined, { signal: exchange.signal });
  }
  exchange.response.end();
}

export function basicAuth(exchange: Exchange): void {
  const { user = '', password = '' } = exchange.path;
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  if (exchange.request.headers.authorization === expected) json(exchange, { authenticated: true, user });
  else send(exchange, '', 401, { 'www-authenticate': 'Basic realm="Fake Realm"' });
}

export function setCookies(exchange: Exchange, cookies: (readonly [string, string | null])[]): void {
  for (const [name, value] of cookies) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new Refusal(400, `"${name}" cannot be a cookie's name`);
    const tail = value === null ? 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/' : 'Path=/';
    exchange.response.appendHeader('set-cookie', `${name}=${encodeURIComponent(value ?? '')}; ${tail}`);
  }
  send(exchange, '', 302, { location: '/cookies' });
}

export function redirect(exchange: Exchange, absolute: boolean): void {
  const times = Math.min(Math.trunc(numberOf('times', exchange.path.times ?? null)), limits.redirects);
  const next = times <= 1 ? '/get' : `/${absolute ? 'absolute' : 'relative'}-redirect/${times - 1}`;
  const base = absolute ? `http://${exchange.request.headers.host ?? exchange.url.host}` : '';
  send(exchange, '', 302, { location: `${base}${next}` });
}

export function redirectTo(exchange: Exchange): void {
  const target = exchange.url.searchParams.get('url');
  if (!target) throw new Refusal(400, 'url: where to is expected');
  const code = statusOf(exchange.url.searchParams.get('status_code') ?? '302');
  send(exchange, '', code >= 300 && code < 400 ? code : 302, { location: encodeURI(decodeURI(target)) });
}

export function responseHeaders(exchange: Exchange): void {
  const told: Record<string, string | string[]> = { 'Content-Type': 'application/json' };
  for (const [name, value] of exchange.url.searchParams) {
    const before = told[name];
    told[name] = before === undefined ? value : [before, value].flat();
  }
  // the length is part of what it tells, so the body is written until the length in it is its own
  let body = '';
  for (let length = -1; length !== body.length; ) {
    length = body.length;
    const entries = Object.entries({ ...told, 'Content-Length': String(length) }).sort(([a], [b]) => (a < b ? -1 : 1));
    body = `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
  }
  for (const [name, value] of exchange.url.searchParams) exchange.response.appendHeader(name, value);
  send(exchange, body, 200, { 'content-type': 'application/json' });
}
