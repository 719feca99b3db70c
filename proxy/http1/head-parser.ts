/**
 * Parses the head of an HTTP/1 message from latin1 text in one pass. A table-like loop, hence its length. Strict: lines end in CRLF, nothing is
 * folded, names are tokens, and framing that two parsers could read differently is refused.
 */
import { CodecError, type HeadLimits } from '../http/codec.ts';
import { fieldValue, hashStep, lowerName, target, token } from './characters.ts';
import type { PreservedNames } from './header-names.ts';
import { defaultOptions, type Http1Options } from './options.ts';

const CR = 13;
const LF = 10;
const SP = 32;
const HTAB = 9;
const COLON = 58;

/** The methods that Envoy's parser knows; it refuses others. */
const knownMethods = new Set(
  `GET POST PUT DELETE HEAD OPTIONS PATCH CONNECT TRACE ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY
PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE`.split(/\s+/),
);

/** Says that the text ends before the head does. */
export const incomplete = -1;

/** A read of so many bytes holds more than a head. */
const largeRead = 4096;

/**
 * The offset behind the head that begins at `from`, at a guess: no head ends before it. As text, all of a read of a large body would cost more than
 * its head, and each value of a header would keep all of it in memory.
 */
export function headEnd(chunk: Buffer, from: number): number {
  const end = chunk.length - from > largeRead ? chunk.indexOf('\r\n\r\n', from, 'latin1') : -1;
  return end < 0 ? chunk.length : end + 4;
}

/** Reads heads; after `parseRequest` or `parseResponse` answered an offset, the fields tell what was there. Made once for each connection. */
export class HeadParser {
  readonly #limits: HeadLimits;
  readonly #options: Http1Options;
  method = '';
  target = '';
  status = 0;
  /** 0 or 1, of HTTP/1.x. */
  minor = 1;
  /** name, value …; a fresh list for each head. */
  entries: string[] = [];
  /** -1 where there is none. */
  contentLength = -1;
  chunked = false;
  /** The raw values of Connection, in lower case; '' for none. */
  connection = '';
  hostCount = 0;
  host = '';
  /** What clients of old proxies say of the connection, in lower case. */
  proxyConnection = '';
  /** How names are written, where that is to be kept. */
  written: PreservedNames | undefined;
  #transferEncodings = 0;
  #inTrailers = false;

  constructor(limits: HeadLimits, options = defaultOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  /** The offset behind the head at `from`, or `incomplete`. */
  parseRequest(text: string, from: number): number {
    this.#reset();
    // A server ignores empty lines before a request (RFC 9112, 2.2).
    while (text.charCodeAt(from) === CR && text.charCodeAt(from + 1) === LF) from += 2;
    if (text.length === from + 1 && text.charCodeAt(from) === CR) return incomplete;
    const line = this.#requestLine(text, from);
    return line === incomplete ? this.#checkLength(text, from) : this.#fields(text, line, from);
  }

  parseResponse(text: string, from: number): number {
    this.#reset();
    const line = this.#statusLine(text, from);
    return line === incomplete ? this.#checkLength(text, from) : this.#fields(text, line, from);
  }

  /** Trailers: header lines alone, which frame nothing. */
  parseTrailers(text: string, from: number): number {
    this.#reset();
    this.#inTrailers = true;
    return this.#fields(text, from, from);
  }

  #reset(): void {
    this.entries = [];
    this.contentLength = -1;
    this.chunked = false;
    this.connection = '';
    this.hostCount = 0;
    this.host = '';
    this.proxyConnection = '';
    this.written = this.#options.names.preserve?.();
    this.#transferEncodings = 0;
    this.#inTrailers = false;
  }

  #checkLength(text: string, from: number): number {
    if (text.length - from > this.#limits.maximumBytes) throw tooLarge();
    return incomplete;
  }

  #requestLine(text: string, from: number): number {
    let i = from;
    while (token[text.charCodeAt(i)]) i++;
    const { customMethods } = this.#options;
    if (i >= text.length) return i - from > 64 && !customMethods ? fail('http1.codec_error') : incomplete;
    if (i === from || text.charCodeAt(i) !== SP) fail('http1.codec_error');
    this.method = text.slice(from, i);
    if (!customMethods && !knownMethods.has(this.method)) fail('http1.codec_error');
    const start = ++i;
    while (target[text.charCodeAt(i)]) i++;
    if (i >= text.length) return incomplete;
    if (i === start) fail('http1.codec_error');
    this.target = text.slice(start, i);
    if (text.charCodeAt(i) !== SP) return this.#withoutVersion(text, i);
    if (text.charCodeAt(i + 1) === CR) return this.#withoutVersion(text, i + 1);
    return this.#version(text, i + 1, true);
  }

  /** A line that ends after its target, as in HTTP/0.9. */
  #withoutVersion(text: string, end: number): number {
    if (text.charCodeAt(end) !== CR) fail('http1.codec_error');
    if (end + 1 >= text.length) return incomplete;
    const isTarget = this.method === 'CONNECT' || /^(\/|\*|[a-z][a-z\d+.-]*:\/\/.)/i.test(this.target);
    if (text.charCodeAt(end + 1) !== LF || !isTarget) fail('http1.codec_error');
    throw new CodecError(426, 'low_version');
  }

  #statusLine(text: string, from: number): number {
    const afterVersion = this.#version(text, from, false);
    if (afterVersion === incomplete) return incomplete;
    let i = afterVersion;
    if (i + 4 > text.length) return incomplete;
    let status = 0;
    for (let k = 0; k < 3; k++) {
      const digit = text.charCodeAt(i++) - 48;
      if (!(digit >= 0 && digit <= 9)) fail('http1.codec_error');
      status = status * 10 + digit;
    }
    if (status < 100) fail('http1.codec_error');
    this.status = status;
    // The reason may be missing, with the space before it.
    const after = text.charCodeAt(i);
    if (after !== SP && after !== CR) fail('http1.codec_error');
    const reasonAt = after === SP ? i + 1 : i;
    while (fieldValue[text.charCodeAt(i)]) i++;
    if (i + 1 >= text.length) return incomplete;
    if (text.charCodeAt(i) !== CR || text.charCodeAt(i + 1) !== LF) fail('http1.codec_error');
    if (this.written?.forwardsReason) this.written.reason = text.slice(reasonAt, i);
    return i + 2;
  }

  /** `HTTP/1.x`, then CRLF in a request, a space in a response. */
  #version(text: string, from: number, request: boolean): number {
    const length = request ? 10 : 9;
    if (from + length > text.length) {
      if (!'HTTP/'.startsWith(text.slice(from, from + 5))) fail('http1.codec_error');
      return incomplete;
    }
    if (!text.startsWith('HTTP/1.', from)) throw otherVersion(text, from, request);
    const minor = text.charCodeAt(from + 7) - 48;
    if (minor !== 0 && minor !== 1) throw otherVersion(text, from, request);
    this.minor = minor;
    if (!request) {
      if (text.charCodeAt(from + 8) !== SP) fail('http1.codec_error');
    } else if (text.charCodeAt(from + 8) !== CR || text.charCodeAt(from + 9) !== LF) fail('http1.codec_error');
    return from + length;
  }

  #fields(text: string, from: number, headStart: number): number {
    const { entries, written } = this;
    const { maximumBytes, maximumHeaders } = this.#limits;
    let i = from;
    for (;;) {
      const first = text.charCodeAt(i);
      if (first === CR) {
        if (i + 1 >= text.length) return this.#checkLength(text, headStart);
        if (text.charCodeAt(i + 1) !== LF) fail('http1.codec_error');
        if (i + 2 - headStart > maximumBytes) throw tooLarge();
        this.#checkFraming();
        return i + 2;
      }
      const nameStart = i;
      let hash = 0;
      let hasUpper = false;
      for (;;) {
        const c = text.charCodeAt(i);
        const kind = token[c];
        if (!kind) break;
        if (kind === 2) {
          hasUpper = true;
          hash = hashStep(hash, c + 32);
        } else hash = hashStep(hash, c);
        i++;
      }
      if (i >= text.length) return this.#checkLength(text, headStart);
      if (text.charCodeAt(i) !== COLON || i === nameStart) fail('http1.codec_error');
      const name = lowerName(text, nameStart, i, hash, hasUpper);
      if (written !== undefined) written.note(name, text.slice(nameStart, i));
      i++;
      while (text.charCodeAt(i) === SP || text.charCodeAt(i) === HTAB) i++;
      const valueStart = i;
      while (fieldValue[text.charCodeAt(i)]) i++;
      if (i + 1 >= text.length) return this.#checkLength(text, headStart);
      if (text.charCodeAt(i) !== CR || text.charCodeAt(i + 1) !== LF) fail('http1.invalid_characters');
      let valueEnd = i;
      while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
      i += 2;
      const value = text.slice(valueStart, valueEnd);
      entries.push(name, value);
      if (entries.length > 2 * maximumHeaders) throw new CodecError(431, 'http1.too_many_headers');
      if (!this.#inTrailers) this.#note(name, value);
    }
  }

  /** Remembers what frames the message and the connection. */
  #note(name: string, value: string): void {
    switch (name) {
      case 'content-length':
        this.#noteContentLength(value);
        return;
      case 'transfer-encoding':
        this.#transferEncodings++;
        if (value.toLowerCase() !== 'chunked') throw new CodecError(501, 'http1.invalid_transfer_encoding');
        this.chunked = true;
        return;
      case 'connection':
        this.connection = this.connection === '' ? value.toLowerCase() : `${this.connection},${value.toLowerCase()}`;
        return;
      case 'proxy-connection':
        this.proxyConnection = value.toLowerCase();
        return;
      case 'host':
        this.hostCount++;
        this.host = value;
        return;
      default:
    }
  }

  #noteContentLength(value: string): void {
    if (this.contentLength >= 0) fail('http1.codec_error');
    if (value.length === 0 || value.length > 15) fail('http1.codec_error');
    let length = 0;
    for (let i = 0; i < value.length; i++) {
      const digit = value.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) fail('http1.codec_error');
      length = length * 10 + digit;
    }
    this.contentLength = length;
  }

  #checkFraming(): void {
    if (this.#transferEncodings > 1) throw new CodecError(501, 'http1.invalid_transfer_encoding');
    if (this.chunked && this.contentLength >= 0) fail('http1.content_length_and_chunked_not_allowed');
    if (this.chunked && this.minor === 0) fail('http1.codec_error');
  }
}

/** Space or tab. */
export function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

/** A version that is well written but not ours is told to upgrade, as Envoy does. */
function otherVersion(text: string, from: number, request: boolean): CodecError {
  if (request && /^HTTP\/\d\.\d\r\n/.test(text.slice(from, from + 10))) return new CodecError(426, 'low_version');
  return new CodecError(400, 'http1.codec_error');
}

function tooLarge(): CodecError {
  return new CodecError(431, 'http1.headers_too_large');
}

function fail(details: string): never {
  throw new CodecError(400, details);
}
