/** JSON Web Tokens: taken apart and looked at as Envoy does, before any signature is. What is wrong with one is told in Envoy's words. */
import { isObject, type JsonObject } from '../configuration/json.ts';

/** Why a token is refused; Envoy sends these sentences to the client. */
export type Failure = string;

export const failure = {
  missing: 'Jwt is missing',
  unknownIssuer: 'Jwt issuer is not configured',
  audience: 'Audiences in Jwt are not allowed',
  notYetValid: 'Jwt not yet valid',
  expired: 'Jwt is expired',
  verification: 'Jwt verification fails',
  noKeys: "Jwks doesn't have any valid public key",
  fetch: 'Jwks remote fetch is failed',
  noMatch: "Jwks doesn't have key to match kid or alg from Jwt",
} as const;

/** A token whose form is right; nothing of it is proven. */
export interface Token {
  /** `ES256`, … */
  algorithm: string;
  /** '' where none is named. */
  keyId: string;
  issuer: string;
  subject: string;
  audiences: readonly string[];
  /** Seconds since 1970; 0 where it is not said. */
  notBefore: number;
  expires: number;
  header: JsonObject;
  claims: JsonObject;
  /** The claims as they stand in the token. */
  encodedClaims: string;
  /** What the signature signs. */
  signed: Buffer;
  signature: Buffer;
}

const algorithms = new Set(
  ['ES', 'HS', 'RS', 'PS'].flatMap(family => ['256', '384', '512'].map(size => family + size)).concat('EdDSA'),
);

/** Takes a token apart, or says what is wrong with its form. */
export function parseToken(text: string): Token | Failure {
  const parts = text.split('.');
  if (parts.length !== 3 || parts.includes(''))
    return 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections';
  const [encodedHeader = '', encodedClaims = '', encodedSignature = ''] = parts;
  const header = parseSection(encodedHeader, 'header');
  if (typeof header === 'string') return header;
  const { alg: algorithm, kid: keyId = '' } = header;
  if (typeof algorithm !== 'string') return 'Jwt header [alg] field is required and must be a string';
  if (!algorithms.has(algorithm)) return 'Jwt header [alg] is not supported';
  if (typeof keyId !== 'string') return 'Jwt header [kid] field is not a string';
  const claims = parseSection(encodedClaims, 'payload');
  if (typeof claims === 'string') return claims;
  const wrong = wrongClaim(claims);
  if (wrong !== undefined) return `Jwt payload [${wrong[0]}] field is not ${wrong[1]}`;
  const signature = base64url(encodedSignature);
  if (signature === undefined) return 'Jwt signature is an invalid Base64url encoded';
  const { iss = '', sub = '', nbf = 0, exp = 0, aud = [] } = claims;
  return {
    algorithm,
    keyId,
    issuer: iss as string,
    subject: sub as string,
    audiences: (Array.isArray(aud) ? aud : [aud]) as string[],
    notBefore: Math.trunc(nbf as number),
    expires: Math.trunc(exp as number),
    header,
    claims,
    encodedClaims,
    signed: Buffer.from(`${encodedHeader}.${encodedClaims}`, 'latin1'),
    signature,
  };
}

function parseSection(encoded: string, name: 'header' | 'payload'): JsonObject | Failure {
  const bytes = base64url(encoded);
  if (bytes === undefined) return `Jwt ${name} is an invalid Base64url encoded`;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (isObject(value as JsonObject)) return value as JsonObject;
  } catch {
    // Said below.
  }
  return `Jwt ${name} is an invalid JSON`;
}

/** The first registered claim whose type is wrong, and what it should be. */
function wrongClaim(claims: JsonObject): [name: string, type: string] | undefined {
  const isText = (name: string) => claims[name] === undefined || typeof claims[name] === 'string';
  for (const name of ['iss', 'sub']) if (!isText(name)) return [name, 'a string'];
  for (const name of ['iat', 'nbf', 'exp']) {
    const value = claims[name];
    if (value !== undefined && typeof value !== 'number') return [name, 'an integer'];
    if (value !== undefined && value < 0) return [name, 'a positive 64 bit integer'];
  }
  if (!isText('jti')) return ['jti', 'a string'];
  const { aud = '' } = claims;
  const all = Array.isArray(aud) ? aud : [aud];
  return all.every(one => typeof one === 'string') ? undefined : ['aud', 'a string or string list'];
}

/** Decodes base64url, with its padding or without; undefined where it is none. Spaces do not count, as in Envoy. */
export function base64url(text: string): Buffer | undefined {
  const dense = text.replace(/[ \t]/g, '');
  const bare = dense.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9_-]*$/.test(bare) || bare.length % 4 === 1) return undefined;
  if (bare.length < dense.length && dense.length % 4 !== 0) return undefined;
  return Buffer.from(bare, 'base64url');
}

/** Whether a token is good at this time. */
export function timeFailure(token: Token, nowSeconds: number, skewSeconds: number): Failure | undefined {
  if (nowSeconds + skewSeconds < token.notBefore) return failure.notYetValid;
  return token.expires !== 0 && nowSeconds > token.expires + skewSeconds ? failure.expired : undefined;
}

/** Compares audiences as Envoy does: neither the scheme nor a slash at the end counts. No audience in the list: any will do. */
export function audienceTest(allowed: readonly string[]): (audiences: readonly string[]) => boolean {
  if (allowed.length === 0) return () => true;
  const wanted = new Set(allowed.map(bareAudience));
  return audiences => audiences.some(audience => wanted.has(bareAudience(audience)));
}

const bareAudience = (audience: string): string => audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
