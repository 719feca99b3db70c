/** The fields that every peer knows. @see https://www.rfc-editor.org/rfc/rfc7541#appendix-A */

/** A line for each, in their order: the name and, after a blank, the value. */
const lines = `
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`
  .trim()
  .split('\n');

export const staticNames = lines.map(line => line.split(' ', 1)[0]!);
export const staticValues = lines.map((line, i) => line.slice(staticNames[i]!.length + 1));

export interface StaticEntry {
  /** The first index with this name, from 1. */
  index: number;
  /** Indices by value. */
  byValue: Map<string, number>;
}

/** By name. */
export const staticEntries = new Map<string, StaticEntry>();
for (const [i, name] of staticNames.entries()) {
  const entry = staticEntries.get(name) ?? { index: i + 1, byValue: new Map<string, number>() };
  staticEntries.set(name, entry);
  entry.byValue.set(staticValues[i]!, i + 1);
}

export const staticCount = staticNames.length;
/** What a field costs in a table beside its bytes. */
export const entryOverhead = 32;
/** Bytes of a table where nothing else was agreed on. */
export const defaultTableSize = 4096;
