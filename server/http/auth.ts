import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Identity, Store } from '../store/store.ts';
import { StoreUnavailable } from '../store/unavailable.ts';
import { formatCookie, readCookie } from './cookies.ts';

export type Role = Identity['role'];

const tokenForm = /^[A-Za-z0-9_-]{43}$/;
const mostKnown = 10_000;
const knownMs = 10 * 60_000;
export const monthSeconds = 30 * 24 * 3600;

/** Gives browsers their tokens and tells by them who asks. The store sees hashes alone. */
export class Authenticator {
  readonly #store: Store;
  readonly #cookies: { port: () => number; secure: boolean };
  /** Who asked lately, for while the database is away. */
  readonly #known = new Map<string, { identity: Identity; atMs: number }>();

  /** @param cookies the port is in the cookies' names, since browsers share cookies between the ports of a host */
  constructor(store: Store, cookies: { port: () => number; secure: boolean }) {
    this.#store = store;
    this.#cookies = cookies;
  }

  /** Signs someone in; answers the Set-Cookie header. */
  async signIn(identity: Identity): Promise<string> {
    const token = newSecret();
    await this.#store.addAuthSession(hashSecret(token), identity, Date.now());
    return this.#cookie(identity.role, token, monthSeconds);
  }

  /** Ends this browser's session; answers the Set-Cookie header that clears the cookie. */
  async signOut(cookieHeader: string | undefined, role: Role): Promise<string> {
    const token = this.#token(cookieHeader, role);
    if (token) {
      this.#known.delete(hashSecret(token));
      await this.#store.removeAuthSession(hashSecret(token));
    }
    return this.#cookie(role, '', 0);
  }

  /** Who asks, in this role. */
  async identify(cookieHeader: string | undefined, role: Role): Promise<Identity | null> {
    const token = this.#token(cookieHeader, role);
    const identity = token ? await this.#identityOf(hashSecret(token)) : null;
    return identity?.role === role ? identity : null;
  }

  /** Whoever was known a moment ago goes on while the database is away. */
  async #identityOf(hash: string): Promise<Identity | null> {
    const known = this.#known.get(hash);
    this.#known.delete(hash);
    try {
      const identity = await this.#store.identityOf(hash);
      if (identity) this.#known.set(hash, { identity, atMs: Date.now() });
      if (this.#known.size > mostKnown) this.#known.delete(this.#known.keys().next().value ?? '');
      return identity;
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || !known || Date.now() - known.atMs > knownMs) throw error;
      this.#known.set(hash, known);
      return known.identity;
    }
  }

  #token(cookieHeader: string | undefined, role: Role): string | null {
    const token = readCookie(cookieHeader, this.#name(role));
    return token !== null && tokenForm.test(token) ? token : null;
  }

  #name(role: Role): string {
    return `unicorn-${role}-${this.#cookies.port()}`;
  }

  #cookie(role: Role, token: string, maxAgeSeconds: number): string {
    return formatCookie(this.#name(role), token, { secure: this.#cookies.secure, maxAgeSeconds });
  }
}

/** 256 random bits as text. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of a secret: it has enough bits that one round suffices. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Compares in a time that tells nothing. */
export function sameSecret(given: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(right));
}
