/** One cookie, unreadable for scripts; ours are for the whole site and never sent from another site's page, unless it says otherwise. */
export function formatCookie(
  name: string,
  value: string,
  { secure, maxAgeSeconds, path = '/', sameSite = 'Strict' }: CookieOptions,
): string {
  const attributes = `Path=${path}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`;
  return `${name}=${value}; ${attributes}`;
}

export interface CookieOptions {
  secure: boolean;
  maxAgeSeconds: number;
  path?: string;
  /** `Lax`: links of other sites bring it along. */
  sameSite?: 'Strict' | 'Lax';
}

/** The value of the first cookie of this name. */
export function readCookie(header: string | undefined, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}
