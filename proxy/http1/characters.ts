/** What each byte of a head may be. */

/** Token characters: 0 not one, 1 as it is, 2 an upper-case letter. */
export const token = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") token[char.charCodeAt(0)] = 1;
for (let c = 65; c <= 90; c++) token[c] = 2;

/** 1 where a byte may stand in a header's value: HTAB, SP, visible, 0x80 and above. */
export const fieldValue = new Uint8Array(256).fill(1, 32);
fieldValue[9] = 1;
fieldValue[127] = 0;

/** 1 where a byte may stand in a request target: visible, or 0x80 and above. */
export const target = new Uint8Array(256).fill(1, 33);
target[127] = 0;

/** 1 where a byte may stand in an authority, as nghttp2 and Envoy see it. */
export const authority = new Uint8Array(256);
for (const char of "!$%&'()*+,-.:;=@[]_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  authority[char.charCodeAt(0)] = 1;

const known = [
  'accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-disposition',
  'content-encoding content-language content-length content-location content-range content-security-policy content-type cookie date dnt etag expect',
  'expires forwarded grpc-status grpc-message host if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive last-modified',
  'link location max-forwards origin pragma proxy-authenticate proxy-authorization proxy-connection range referer retry-after sec-fetch-dest',
  'sec-fetch-mode sec-fetch-site server set-cookie strict-transport-security te traceparent tracestate trailer transfer-encoding upgrade',
  'upgrade-insecure-requests user-agent vary via warning www-authenticate access-control-allow-origin access-control-allow-credentials',
  'x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled x-content-type-options x-envoy-attempt-count x-envoy-expected-rq-timeout-ms',
  'x-envoy-upstream-service-time x-envoy-overloaded x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id',
]
  .join(' ')
  .split(' ');

const tableSize = 1024;
const table: string[][] = Array.from({ length: tableSize }, () => []);

/** One step of the hash over a name's characters in lower case. */
export function hashStep(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0;
}

for (const name of known) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = hashStep(hash, name.charCodeAt(i));
  table[hash & (tableSize - 1)]!.push(name);
}

/**
 * The name at `text[from, to)` in lower case. Fast path: names that are common are found by their hash and shared, so that nothing is
 * allocated and comparing them later is comparing pointers.
 */
export function lowerName(text: string, from: number, to: number, hash: number, hasUpper: boolean): string {
  const candidates = table[hash & (tableSize - 1)]!;
  for (let k = 0; k < candidates.length; k++) {
    const candidate = candidates[k]!;
    if (candidate.length === to - from && sameLower(text, from, candidate)) return candidate;
  }
  const name = text.slice(from, to);
  return hasUpper ? name.toLowerCase() : name;
}

function sameLower(text: string, from: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = text.charCodeAt(from + i);
    const lower = token[c] === 2 ? c + 32 : c;
    if (lower !== name.charCodeAt(i)) return false;
  }
  return true;
}
