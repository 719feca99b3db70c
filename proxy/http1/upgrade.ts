/** Requests that ask for something else than HTTP on their connection: upgrades and CONNECT (RFC 9110, 7.8 and 9.3.6). */
import { CodecError } from '../http/codec.ts';
import type { HeaderMap, RequestHeaders } from '../http/headers.ts';
import type { HeadParser } from './head-parser.ts';

/** Whether a comma-separated list in lower case holds a token. */
export function hasToken(list: string, wanted: string): boolean {
  if (list === wanted) return true;
  return list.includes(wanted) && list.split(',').some(part => part.trim() === wanted);
}

/** Whether a head names another protocol for its connection. */
export function namesUpgrade(head: HeaderMap): boolean {
  return head.has('upgrade') && hasToken((head.getAll('connection') ?? '').toLowerCase(), 'upgrade');
}

/** Notes what a request asks for. One whose end could be read in two ways is refused. */
export function takeUpgrade(head: RequestHeaders, parser: HeadParser): void {
  if (head.method === 'CONNECT') {
    takeConnect(head, parser);
    return;
  }
  if (parser.connection === '' || !namesUpgrade(head)) return;
  const token = head.getAll('upgrade')!.toLowerCase();
  // To be left unanswered (RFC 9113, 3.1).
  if (token === 'h2c') head.remove('http2-settings');
  // Envoy reads chunks as bytes of the other protocol: a host that does not change to it would read them otherwise.
  else if (parser.chunked) throw new CodecError(400, 'http1.transfer_encoding_not_allowed');
  // A method, no protocol: what may be done by the one is not asked for by the other.
  else if (token === 'connect') throw new CodecError(400, 'http1.codec_error');
  else head.upgrade = token;
}

function takeConnect(head: RequestHeaders, parser: HeadParser): void {
  if (parser.chunked) throw new CodecError(501, 'http1.invalid_transfer_encoding');
  if (parser.contentLength > 0) throw new CodecError(400, 'http1.body_disallowed');
  if (!/^[^/?#@%]+:\d{1,5}$/.test(parser.target)) throw new CodecError(400, 'http1.invalid_url');
  head.remove('content-length');
  head.authority = parser.target;
  head.path = '';
  head.upgrade = 'connect';
}

/** What was sent after a request for an upgrade waits, as in Envoy: a host that does not grant it would take it for a request. */
export class HeldData {
  /** In the order in which they came. */
  readonly chunks: Buffer[] = [];
  bytes = 0;

  add(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk));
    this.bytes += chunk.length;
  }
}
