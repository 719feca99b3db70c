/** Makes a request's path canonical, once, before anything decides by it. */
import { CodecError } from '../http/codec.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { authority } from '../http1/characters.ts';
import type { ManagerSettings } from './settings.ts';

/** A target in absolute form becomes a path and an authority. False where the target is no path at all. */
function takeAbsoluteForm(head: RequestHeaders): boolean {
  const { path } = head;
  if (path.charCodeAt(0) === 47 || (path === '*' && head.method === 'OPTIONS') || head.method === 'CONNECT')
    return true;
  const match = /^(https?):\/\/([^/?#]+)(.*)$/i.exec(path);
  if (match === null) return false;
  head.authority = match[2]!;
  head.path = match[3]!.startsWith('/') ? match[3]! : `/${match[3]!}`;
  return true;
}

/** Whether nothing is in an authority that could not be. */
function isAuthority(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!authority[text.charCodeAt(i)]) return false;
  return true;
}

/** Resolves dot segments and unreserved escapes (RFC 3986). Undefined where the path leaves the root or holds a NUL. */
export function normalizePath(path: string): string | undefined {
  const end = path.search(/[?#]/);
  const bare = end < 0 ? path : path.slice(0, end);
  if (/%00/.test(bare)) return undefined;
  const decoded = bare.replace(/%([0-9a-f]{2})/gi, (escaped, hex) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-._~]/.test(char) ? char : escaped.toUpperCase();
  });
  const segments: string[] = [];
  const parts = decoded.replaceAll('\\', '/').split('/').slice(1);
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    if (part === '..') segments.pop();
    else if (part !== '.') segments.push(part);
    if (last && (part === '.' || part === '..')) segments.push('');
  }
  return `/${segments.join('/')}${end < 0 ? '' : path.slice(end)}`;
}

/** Slashes and backslashes that are written as escapes are themselves; the query stays. */
export function unescapeSlashes(path: string): string {
  const end = path.indexOf('?');
  const bare = end < 0 ? path : path.slice(0, end);
  return bare.replace(/%2f/gi, '/').replace(/%5c/gi, '\\') + (end < 0 ? '' : path.slice(end));
}

/** `//a///b` becomes `/a/b`; the query stays. */
export function mergeSlashes(path: string): string {
  const end = path.indexOf('?');
  const bare = end < 0 ? path : path.slice(0, end);
  return bare.replace(/\/{2,}/g, '/') + (end < 0 ? '' : path.slice(end));
}

/** What is wrong with the target of a request; one with a whole URL is taken apart. */
export function targetError(head: RequestHeaders, { http1 }: Pick<ManagerSettings, 'http1'>): CodecError | undefined {
  if (http1.takesUrls && !takeAbsoluteForm(head)) return new CodecError(400, 'http1.invalid_url');
  return isAuthority(head.authority) ? undefined : new CodecError(400, 'http.invalid_authority');
}
