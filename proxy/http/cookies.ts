/** Cookies of requests, and those that responses set. */
import type { HeaderMap } from './headers.ts';

/** The cookies of a head, the first of each name, without quotes. */
export function cookiesOf(head: HeaderMap): Map<string, string> {
  const cookies = new Map<string, string>();
  for (let i = 0; i < head.entries.length; i += 2) {
    if (head.entries[i] !== 'cookie') continue;
    for (const part of head.entries[i + 1]!.split(';')) {
      const equals = part.indexOf('=');
      const name = part.slice(0, Math.max(equals, 0)).trim();
      if (name !== '' && !cookies.has(name))
        cookies.set(
          name,
          part
            .slice(equals + 1)
            .trim()
            .replace(/^"(.*)"$/, '$1'),
        );
    }
  }
  return cookies;
}

interface CookieAttribute {
  name: string;
  value: string;
}

/**
 * Makes the `set-cookie` of each value, hidden from scripts.
 * @param ttlSeconds 0: until the browser ends
 * @param path '': the request's
 */
export function cookieMaker(
  name: string,
  ttlSeconds: bigint,
  path: string,
  attributes: readonly CookieAttribute[] = [],
): (value: string) => string {
  const rest = [
    ...(ttlSeconds > 0n ? [`Max-Age=${ttlSeconds}`] : []),
    ...(path === '' ? [] : [`Path=${path}`]),
    ...attributes.map(attribute => (attribute.value === '' ? attribute.name : `${attribute.name}=${attribute.value}`)),
    'HttpOnly',
  ];
  return value => [`${name}="${value}"`, ...rest].join('; ');
}
