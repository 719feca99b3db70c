/** Lists of fields as heads and trailers, and what is wrong with them. @see https://www.rfc-editor.org/rfc/rfc9113#section-8.2 */
import { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { Http2MessageError } from './errors.ts';

const invalidField = () => new Http2MessageError('http2.invalid.header.field');
const malformed = () => new Http2MessageError('http2.violation.of.messaging.rule');

/** 1 where a byte may stand in a name: tokens, without capitals. */
const nameBytes = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") nameBytes[character.charCodeAt(0)] = 1;

function isName(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (nameBytes[name.charCodeAt(i)] === 0) return false;
  return name.length > 0;
}

/** Without NUL, line ends, and blanks at either end. */
function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127) return false;
  }
  return true;
}

function checkField(name: string, value: string): void {
  if (!isName(name) || !isValue(value)) throw invalidField();
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
      throw invalidField();
    case 'te':
      if (value !== 'trailers') throw invalidField();
      break;
    default:
  }
}

/** A field that may stand but once, and is empty where it is not there. */
function once(before: string | undefined, value: string): string {
  if (before !== undefined || !isValue(value)) throw invalidField();
  return value;
}

/**
 * A request's head. One that asks for another protocol by CONNECT looks as HTTP/1 knows it, as in Envoy.
 * @param fields name, value, name, value …
 * @param allowsProtocols whether it may ask for one
 * @throws Http2MessageError
 */
export function requestHead(fields: string[], allowsProtocols: boolean): RequestHeaders {
  const head = new RequestHeaders();
  let method: string | undefined;
  let path: string | undefined;
  let scheme: string | undefined;
  let authority: string | undefined;
  let protocol: string | undefined;
  let at = 0;
  for (; at < fields.length && fields[at]!.charCodeAt(0) === 58; at += 2) {
    const value = fields[at + 1]!;
    if (fields[at] === ':method') method = once(method, value);
    else if (fields[at] === ':path') path = once(path, value);
    else if (fields[at] === ':scheme') scheme = once(scheme, value);
    else if (fields[at] === ':authority') authority = once(authority, value);
    else if (fields[at] === ':protocol' && allowsProtocols) protocol = once(protocol, value);
    else throw invalidField();
  }
  const host = takeFields(head, fields, at);
  if (protocol !== undefined && method !== 'CONNECT') throw malformed();
  const connects = method === 'CONNECT' && protocol === undefined;
  if (path === '') throw invalidField();
  if (!method || !(authority ?? host) || connects !== (path === undefined) || connects !== (scheme === undefined))
    throw malformed();
  if (!connects && !path!.startsWith('/') && !(path === '*' && method === 'OPTIONS')) throw malformed();
  head.method = method;
  head.path = path ?? '';
  head.scheme = scheme ?? '';
  head.authority = authority ?? host ?? '';
  // Its name for what plain CONNECT carries: no other protocol.
  if (connects || protocol === 'bytestream') head.upgrade = 'connect';
  else if (protocol !== undefined) askFor(head, protocol);
  return head;
}

/** @see https://www.rfc-editor.org/rfc/rfc8441#section-5 */
function askFor(head: RequestHeaders, protocol: string): void {
  const token = protocol.toLowerCase();
  if (token === '') throw invalidField();
  // A method, no protocol: what may be done by the one is not asked for by the other.
  if (token === 'connect') throw malformed();
  head.method = 'GET';
  head.upgrade = token;
  head.add('upgrade', protocol);
  head.add('connection', 'upgrade');
}

/** Checks the fields after those with a colon and keeps them, cookies as one at the end; `host` is answered. */
function takeFields(head: HeaderMap, fields: string[], from: number): string | undefined {
  const entries: string[] = [];
  let host: string | undefined;
  let cookies: string | undefined;
  for (let i = from; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    checkField(name, value);
    if (name === 'host') host ??= value;
    else if (name === 'cookie') cookies = cookies === undefined ? value : `${cookies}; ${value}`;
    else entries.push(name, value);
  }
  if (cookies !== undefined) entries.push('cookie', cookies);
  head.entries = entries;
  return host;
}

/**
 * A response's head.
 * @throws Http2MessageError
 */
export function responseHead(fields: string[]): ResponseHeaders {
  if (fields[0] !== ':status' || !/^[1-9]\d\d$/.test(fields[1]!)) throw malformed();
  const head = new ResponseHeaders(Number(fields[1]));
  for (let i = 2; i < fields.length; i += 2) checkField(fields[i]!, fields[i + 1]!);
  head.entries = fields.slice(2);
  return head;
}

/**
 * The fields after a body.
 * @throws Http2MessageError
 */
export function trailerFields(fields: string[]): HeaderMap {
  for (let i = 0; i < fields.length; i += 2) checkField(fields[i]!, fields[i + 1]!);
  const trailers = new HeaderMap();
  trailers.entries = fields;
  return trailers;
}

/**
 * How long a body says it is; -1 where it does not say.
 * @throws Http2MessageError where that is no number, or there are several
 */
export function contentLength(head: HeaderMap): number {
  const value = head.getAll('content-length');
  if (value === undefined) return -1;
  if (!/^\d{1,15}$/.test(value)) throw invalidField();
  return Number(value);
}

/** Fields that concern a connection in HTTP/1 and have no place here. */
export function isConnectionField(name: string): boolean {
  switch (name.length) {
    case 7:
      return name === 'upgrade';
    case 10:
      return name === 'connection' || name === 'keep-alive';
    case 16:
      return name === 'proxy-connection';
    case 17:
      return name === 'transfer-encoding';
    default:
      return false;
  }
}
