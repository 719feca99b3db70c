/** `XFCC_VALUE(KEY)`: one value of the header by which proxies tell of clients' certificates. */
import { type Compiler, FormatError } from './command.ts';

const keys = ['by', 'hash', 'cert', 'chain', 'subject', 'uri', 'dns'];

/** Cuts at a character that stands within no quotes; undefined where those do not end. */
function cut(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let [start, quoted] = [0, false];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') quoted = !quoted;
    else if (text[at] === separator && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return quoted ? undefined : [...parts, text.slice(start)];
}

/** Without the quotes, and what is escaped in them. */
function plain(value: string): string {
  const quoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return (quoted ? value.slice(1, -1) : value).replace(/\\(["\\])/g, '$1');
}

/** The first element that has the key is of the first proxy of them all. */
function keyedValue(header: string, key: string): string | undefined {
  for (const pair of cut(header, ',')?.flatMap(element => cut(element, ';') ?? []) ?? []) {
    const equals = pair.indexOf('=');
    const name = (equals < 0 ? pair : pair.slice(0, equals)).trim();
    if (name.toLowerCase() === key) return equals < 0 ? '' : plain(pair.slice(equals + 1).trim());
  }
  return undefined;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert */
export const xfccValue: Compiler = argument => {
  const key = (argument ?? '').toLowerCase();
  if (key === '') throw new FormatError('XFCC_VALUE command requires a subcommand');
  if (!keys.includes(key)) throw new FormatError(`XFCC_VALUE command does not support subcommand: ${key}`);
  return info => {
    const header = info.requestHeaders?.get('x-forwarded-client-cert');
    return header ? keyedValue(header, key) : undefined;
  };
};
