/** Heads and chunks as bytes of HTTP/1.1. */
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { NameStyle } from './header-names.ts';
import type { Http1Options } from './options.ts';
import { reasonPhrase } from './reason-phrase.ts';

const statusLines: string[][] = [[], []];

function statusLine(status: number, minor: number, reason: string): string {
  if (reason !== '') return `HTTP/1.${minor} ${status} ${reason}\r\n`;
  const lines = statusLines[minor]!;
  let line = lines[status];
  if (line === undefined) {
    line = `HTTP/1.${minor} ${status} ${reasonPhrase(status)}\r\n`;
    lines[status] = line;
  }
  return line;
}

type WriteName = (name: string) => string;

const asIs: WriteName = name => name;

/** Undefined: names are written as they are. */
function writerOf({ writtenNames }: HeaderMap, names: NameStyle): WriteName | undefined {
  return writtenNames === undefined ? names.write : name => writtenNames.write(name);
}

function fields(text: string, entries: readonly string[], write: WriteName | undefined): string {
  let all = text;
  if (write === undefined) for (let i = 0; i < entries.length; i += 2) all += `${entries[i]}: ${entries[i + 1]}\r\n`;
  else for (let i = 0; i < entries.length; i += 2) all += `${write(entries[i]!)}: ${entries[i + 1]}\r\n`;
  return all;
}

function hasLength(entries: readonly string[]): boolean {
  for (let i = 0; i < entries.length; i += 2) if (entries[i] === 'content-length') return true;
  return false;
}

/** How the body that follows is framed. */
export interface Encoded {
  text: string;
  chunked: boolean;
}

/** Reused: what the last encode function answered. */
const encoded: Encoded = { text: '', chunked: false };

/** What the request says of how it is answered. */
export interface Answering {
  /** The connection ends with it. */
  closes: boolean;
  /** The request is HEAD. */
  forHead: boolean;
  /** Of HTTP/1.x. */
  minor: number;
}

/** A response's head. The answer is valid until the next call. */
export function encodeResponseHead(
  head: ResponseHeaders,
  end: boolean,
  { closes, forHead, minor }: Answering,
  names: NameStyle,
): Encoded {
  const { status, entries } = head;
  // What follows an upgrade is not HTTP: nothing is said of a next request. Logs tell of it as of the other headers.
  if (closes && !head.upgraded && !head.has('upgrade')) head.add('connection', 'close');
  const write = writerOf(head, names);
  const named = write ?? asIs;
  let text = fields(statusLine(status, minor, head.writtenNames?.reason ?? ''), entries, write);
  encoded.chunked = false;
  if (!head.upgraded && !hasLength(entries)) {
    const bodiless = status < 200 || status === 204 || status === 304;
    if (end && !(forHead && minor === 0)) {
      if (!bodiless) text += forHead ? chunked(named) : `${named('content-length')}: 0\r\n`;
    } else if (!bodiless && minor === 1) {
      encoded.chunked = true;
      text += chunked(named);
    }
  }
  encoded.text = `${text}\r\n`;
  return encoded;
}

const chunked = (named: WriteName): string => `${named('transfer-encoding')}: chunked\r\n`;

/**
 * Tells a client of HTTP/1.0 whether its connection goes on: as no chunks may be sent to it, what has no length lasts until the connection ends.
 * @returns whether it ends
 */
export function tellOldClient(head: ResponseHeaders, closes: boolean): boolean {
  if (closes || !hasLength(head.entries)) return true;
  head.set('connection', 'keep-alive');
  return false;
}

/** A request's head. The answer is valid until the next call. */
export function encodeRequestHead(head: RequestHeaders, end: boolean, { names, sendsUrls }: Http1Options): Encoded {
  const { method, entries } = head;
  const url = sendsUrls ? `${head.scheme}://${head.authority}${head.path}` : head.path;
  const write = writerOf(head, names);
  const named = write ?? asIs;
  const line = `${method} ${method === 'CONNECT' ? head.authority : url} HTTP/1.1\r\n`;
  let text = fields(`${line}${named('host')}: ${head.authority}\r\n`, entries, write);
  encoded.chunked = false;
  if (head.upgrade === '' && !hasLength(entries)) {
    if (!end) {
      encoded.chunked = true;
      text += chunked(named);
    } else if (!usuallyWithoutBody(method)) text += `${named('content-length')}: 0\r\n`;
  }
  encoded.text = `${text}\r\n`;
  return encoded;
}

function usuallyWithoutBody(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'DELETE' || method === 'TRACE' || method === 'CONNECT';
}

/** The end of a chunked body. */
export const lastChunk = '0\r\n\r\n';

/** The same with trailers, whose names are never written in another way. */
export function lastChunkWith({ entries }: HeaderMap): string {
  return `${fields('0\r\n', entries, undefined)}\r\n`;
}

/** The line before a chunk's data. */
export function encodeChunkSize(size: number): string {
  return `${size.toString(16)}\r\n`;
}
