/** What trailers may not say: whoever takes them for headers, as RFC 9110 (6.5.1) warns, would read another message. */
import { CodecError } from '../http/codec.ts';
import type { HeaderMap } from '../http/headers.ts';

const forbidden = new Set(['content-length', 'transfer-encoding', 'host', 'connection', 'upgrade', 'te', 'trailer']);

/** Trailers that are passed on. @throws CodecError where one frames a message, or says whom it is for */
export function checkTrailers({ entries }: HeaderMap): void {
  for (let i = 0; i < entries.length; i += 2)
    if (forbidden.has(entries[i]!)) throw new CodecError(400, 'http1.codec_error');
}
