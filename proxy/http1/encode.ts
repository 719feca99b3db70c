/** Heads and chunks as bytes of HTTP/1.1. */
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { reasonPhrase } from './reason-phrase.ts';

const statusLines: string[] = [];

function statusLine(status: number): string {
  let line = statusLines[status];
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
    statusLines[status] = line;
  }
  return line;
}

function fields(text: string, entries: readonly string[]): string {
  let all = text;
  for (let i = 0; i < entries.length; i += 2) all += `${entries[i]}: ${entries[i + 1]}\r\n`;
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

/** A response's head. `forHead`: it answers a HEAD request. The answer is valid until the next call. */
export function encodeResponseHead(head: ResponseHeaders, end: boolean, close: boolean, forHead: boolean): Encoded {
  const { status, entries } = head;
  // What follows an upgrade is not HTTP: nothing is said of a next request. Logs tell of it as of the other headers.
  if (close && !head.upgraded && !head.has('upgrade')) head.add('connection', 'close');
  let text = fields(statusLine(status), entries);
  encoded.chunked = false;
  if (!head.upgraded && !hasLength(entries)) {
    const bodiless = status < 200 || status === 204 || status === 304;
    if (end) {
      if (!bodiless) text += forHead ? 'transfer-encoding: chunked\r\n' : 'content-length: 0\r\n';
    } else if (!bodiless) {
      encoded.chunked = true;
      text += 'transfer-encoding: chunked\r\n';
    }
  }
  encoded.text = `${text}\r\n`;
  return encoded;
}

/** A request's head. The answer is valid until the next call. */
export function encodeRequestHead(head: RequestHeaders, end: boolean): Encoded {
  const { method, entries } = head;
  const target = method === 'CONNECT' ? head.authority : head.path;
  let text = fields(`${method} ${target} HTTP/1.1\r\nhost: ${head.authority}\r\n`, entries);
  encoded.chunked = false;
  if (head.upgrade === '' && !hasLength(entries)) {
    if (!end) {
      encoded.chunked = true;
      text += 'transfer-encoding: chunked\r\n';
    } else if (!usuallyWithoutBody(method)) text += 'content-length: 0\r\n';
  }
  encoded.text = `${text}\r\n`;
  return encoded;
}

function usuallyWithoutBody(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'DELETE' || method === 'TRACE' || method === 'CONNECT';
}

/** The end of a chunked body. Trailers are not sent, as in Envoy unless it is told otherwise. */
export const lastChunk = '0\r\n\r\n';

/** The line before a chunk's data. */
export function encodeChunkSize(size: number): string {
  return `${size.toString(16)}\r\n`;
}
