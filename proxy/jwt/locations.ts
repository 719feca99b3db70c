/** Where providers say that their tokens stand in a request: headers, query parameters, cookies. */
import type { JwtProvider } from '../api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { cookiesOf } from '../http/cookies.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { decodedParameters, withoutParameter } from '../http/query.ts';

/** A text that stands where a token should. */
export interface Found {
  text: string;
  /** Whether a provider of that issuer looks for tokens there. */
  allows(issuer: string): boolean;
  /** Takes the token out of the request. */
  remove(head: RequestHeaders): void;
}

class Issuers {
  readonly #named = new Set<string>();

  add(issuer: string): void {
    this.#named.add(issuer);
  }

  /** A provider without an issuer takes tokens of all. */
  allows = (issuer: string): boolean => this.#named.has('') || this.#named.has(issuer);
}

interface HeaderLocation {
  name: string;
  prefix: string;
  issuers: Issuers;
}

/** The locations of one provider, or of all. */
export class Locations {
  readonly #headers: readonly HeaderLocation[];
  readonly #parameters: readonly [name: string, issuers: Issuers][];
  readonly #cookies: readonly [name: string, issuers: Issuers][];

  constructor(providers: readonly JwtProvider[]) {
    const headers = new Map<string, HeaderLocation>();
    const parameters = new Map<string, Issuers>();
    const cookies = new Map<string, Issuers>();
    for (const provider of providers) {
      const { issuer, fromCookies } = provider;
      const usual = [provider.fromHeaders, provider.fromParams, fromCookies].every(list => list.length === 0);
      const fromHeaders = usual ? [{ name: 'authorization', valuePrefix: 'Bearer ' }] : provider.fromHeaders;
      for (const { name, valuePrefix: prefix } of fromHeaders) {
        const lower = name.toLowerCase();
        const location = headers.get(lower + prefix) ?? { name: lower, prefix, issuers: new Issuers() };
        location.issuers.add(issuer);
        headers.set(lower + prefix, location);
      }
      for (const name of usual ? ['access_token'] : provider.fromParams) addIssuer(parameters, name, issuer);
      for (const name of fromCookies) addIssuer(cookies, name, issuer);
    }
    this.#headers = sorted(headers).map(([, location]) => location);
    this.#parameters = sorted(parameters);
    this.#cookies = sorted(cookies);
  }

  /** All that stands at the locations: headers first, then parameters, then cookies. */
  find(head: RequestHeaders): Found[] {
    const found: Found[] = [];
    for (const location of this.#headers) findInHeader(head, location, found);
    const parameters =
      this.#parameters.length > 0 && head.path.includes('?') ? decodedParameters(head.path) : undefined;
    for (const [name, { allows }] of parameters === undefined ? [] : this.#parameters) {
      const text = parameters?.get(name);
      const remove = (from: RequestHeaders) => {
        from.path = withoutParameter(from.path, name);
      };
      if (text !== undefined) found.push({ text, allows, remove });
    }
    const cookies = this.#cookies.length > 0 ? cookiesOf(head) : undefined;
    for (const [name, { allows }] of this.#cookies) {
      const text = cookies?.get(name);
      // As in Envoy: a cookie goes on to the upstream.
      if (text !== undefined) found.push({ text, allows, remove: () => {} });
    }
    return found;
  }
}

function addIssuer(locations: Map<string, Issuers>, name: string, issuer: string): void {
  const issuers = locations.get(name) ?? new Issuers();
  issuers.add(issuer);
  locations.set(name, issuers);
}

function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function findInHeader(head: RequestHeaders, { name, prefix, issuers }: HeaderLocation, found: Found[]): void {
  const { entries } = head;
  const remove = (from: RequestHeaders) => from.remove(name);
  for (let i = 0; i < entries.length; i += 2) {
    if (entries[i] !== name) continue;
    const value = entries[i + 1]!;
    const at = value.indexOf(prefix);
    if (at >= 0) found.push({ text: tokenIn(value, at + prefix.length), allows: issuers.allows, remove });
  }
}

/** From the first character that a token may have. */
function tokenIn(value: string, from: number): string {
  if (from === 0) return value;
  const start = value.slice(from).search(/[A-Za-z0-9_.-]/);
  return start < 0 ? value : value.slice(from + start);
}
