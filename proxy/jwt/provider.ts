/** A provider of tokens as the configuration names it: whose tokens it takes, by which keys they are checked, what the upstream is told of them. */
import type { JwtProvider } from '../api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { isObject, type Json, type JsonObject } from '../configuration/json.ts';
import { readDataSource } from '../data-source.ts';
import { milliseconds } from '../duration.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { latin1 } from '../net/latin1.ts';
import { type StringTest, stringTest } from '../routing/string-match.ts';
import { KeySet } from './key-set.ts';
import { RemoteKeys } from './remote-keys.ts';
import { audienceTest, type Failure, failure, type Token, timeFailure } from './token.ts';

const usual = { skewSeconds: 60, cachedTokens: 100 };
/** Tokens that are longer are not kept. */
const longestCached = 4096;

export class Provider {
  readonly issuer: string;
  readonly forwards: boolean;
  readonly clearsRoute: boolean;
  readonly allows: (audiences: readonly string[]) => boolean;
  readonly #configuration: JwtProvider;
  /** Where the keys are fetched. */
  readonly remote: RemoteKeys | undefined;
  readonly #keys: KeySet | undefined;
  readonly #skewSeconds: number;
  readonly #subjects: StringTest | undefined;
  /** Undefined: a token may live for ever. */
  readonly #longestSeconds: number | undefined;
  readonly #cached: Map<string, Token> | undefined;
  readonly #cacheSize: number;

  constructor(configuration: JwtProvider) {
    this.#configuration = configuration;
    this.issuer = configuration.issuer;
    this.forwards = configuration.forward;
    this.clearsRoute = configuration.clearRouteCache;
    this.allows = audienceTest(configuration.audiences);
    const { jwksSourceSpecifier: source, maxLifetime, jwtCacheConfig: cache } = configuration;
    if (source.case === 'remoteJwks') this.remote = new RemoteKeys(source.value);
    const keys =
      source.case === 'localJwks' ? KeySet.parse(readDataSource(source.value)?.toString('utf8') ?? '') : undefined;
    // As in Envoy: a set that cannot be read has no keys.
    this.#keys = keys instanceof KeySet ? keys : undefined;
    this.#skewSeconds = configuration.clockSkewSeconds || usual.skewSeconds;
    this.#subjects = configuration.subjects && stringTest(configuration.subjects);
    if (maxLifetime !== undefined) this.#longestSeconds = milliseconds(maxLifetime, 0) / 1000;
    else if (configuration.requireExpiration) this.#longestSeconds = Number.POSITIVE_INFINITY;
    this.#cached = cache && new Map();
    this.#cacheSize = cache?.jwtCacheSize || usual.cachedTokens;
  }

  /** What is wrong with the token's claims now. */
  claimsFailure(token: Token, allows = this.allows): Failure | undefined {
    const now = Math.floor(Date.now() / 1000);
    const early = timeFailure(token, now, this.#skewSeconds);
    if (early !== undefined) return early;
    if (this.#subjects?.(token.subject) === false) return failure.verification;
    if (!this.#allowsLifetime(token, now)) return failure.verification;
    return allows(token.audiences) ? undefined : failure.audience;
  }

  #allowsLifetime({ expires }: Token, now: number): boolean {
    const longest = this.#longestSeconds;
    return longest === undefined || (expires !== 0 && expires - now < longest);
  }

  /** The keys that are there now. */
  get keys(): KeySet | undefined {
    return this.remote === undefined ? this.#keys : this.remote.current;
  }

  /** A token that was proven before. */
  recall(text: string): Token | undefined {
    const token = this.#cached?.get(text);
    if (token === undefined) return undefined;
    this.#cached?.delete(text);
    if (timeFailure(token, Math.floor(Date.now() / 1000), this.#skewSeconds) !== undefined) return undefined;
    this.#cached?.set(text, token);
    return token;
  }

  remember(text: string, token: Token): void {
    const cached = this.#cached;
    if (cached === undefined || text.length > longestCached) return;
    if (cached.size >= this.#cacheSize) cached.delete(cached.keys().next().value!);
    cached.set(text, token);
  }

  /** Headers that speak of tokens come from here alone. */
  sanitize(head: RequestHeaders): void {
    const { forwardPayloadHeader, claimToHeaders } = this.#configuration;
    if (forwardPayloadHeader !== '') head.remove(forwardPayloadHeader.toLowerCase());
    for (const { headerName } of claimToHeaders) head.remove(headerName.toLowerCase());
  }

  /** What other filters are told of a token. */
  metadataOf({ header, claims }: Token): JsonObject {
    const { headerInMetadata, payloadInMetadata } = this.#configuration;
    return {
      ...(headerInMetadata !== '' && { [headerInMetadata]: inBytes(header) }),
      ...(payloadInMetadata !== '' && { [payloadInMetadata]: inBytes(claims) }),
    };
  }

  /** Tells the upstream what the token says; true where a claim became a header. */
  describe(token: Token, head: RequestHeaders): boolean {
    const { forwardPayloadHeader, padForwardPayloadHeader, claimToHeaders } = this.#configuration;
    if (forwardPayloadHeader !== '') {
      const { encodedClaims } = token;
      const length = padForwardPayloadHeader ? Math.ceil(encodedClaims.length / 4) * 4 : encodedClaims.length;
      head.add(forwardPayloadHeader.toLowerCase(), encodedClaims.padEnd(length, '='));
    }
    let added = false;
    for (const { headerName, claimName } of claimToHeaders) {
      const text = claimText(claimAt(token.claims, claimName));
      if (text === '') continue;
      head.add(headerName.toLowerCase(), latin1(Buffer.from(text, 'utf8')));
      added = true;
    }
    return added;
  }
}

/** With texts as metadata have them, one character for a byte. */
function inBytes(value: JsonObject): JsonObject {
  return JSON.parse(latin1(Buffer.from(JSON.stringify(value), 'utf8'))) as JsonObject;
}

/** `a.b.c`: a claim within claims. */
function claimAt(claims: Json, path: string): Json | undefined {
  let value: Json | undefined = claims;
  for (const name of path.split('.')) value = isObject(value) ? value[name] : undefined;
  return value;
}

/** A claim as a header's value; '' where it has none. */
function claimText(claim: Json | undefined): string {
  if (typeof claim === 'string') return claim;
  if (typeof claim === 'boolean') return String(claim);
  if (typeof claim === 'number')
    return Number.isInteger(claim) && claim >= 0 ? BigInt(claim).toString() : claim.toFixed(6);
  if (claim === undefined || claim === null) return '';
  return Buffer.from(JSON.stringify(claim), 'utf8').toString('base64');
}
