/** JSON Web Key Sets (RFC 7517), and the check of a token's signature by their keys. */
import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  type JsonWebKey,
  type KeyObject,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto';
import { isObject, type Json, type JsonObject } from '../configuration/json.ts';
import { base64url, type Failure, failure, type Token } from './token.ts';

/** What a key can check. */
type Family = 'EC' | 'RSA' | 'oct' | 'OKP';

interface Key {
  family: Family;
  /** '' where the set does not say. */
  id: string;
  algorithm: string;
  key: KeyObject;
}

const families: Record<string, Family> = { ES: 'EC', RS: 'RSA', PS: 'RSA', HS: 'oct', Ed: 'OKP' };
const ed25519Length = 64;

export class KeySet {
  readonly #keys: readonly Key[];

  constructor(keys: readonly Key[]) {
    this.#keys = keys;
  }

  /** Reads a set: `{"keys": […]}`, or certificates by the names of their keys. What is no key of ours is left out. */
  static parse(text: string): KeySet | Failure {
    let set: unknown;
    try {
      set = JSON.parse(text);
    } catch {
      // Said below.
    }
    if (!isObject(set as Json)) return 'Jwks is an invalid JSON';
    const { keys } = set as JsonObject;
    if (keys === undefined) return certificates(set as JsonObject);
    if (!Array.isArray(keys)) return '[keys] in Jwks is not an array';
    const usable = keys.map(keyOf).filter(key => key !== undefined);
    return usable.length === 0 ? failure.noKeys : new KeySet(usable);
  }

  /** Whether one of the keys has signed the token. */
  check(token: Token): Failure | undefined {
    let matched = false;
    for (const key of this.#keys) {
      if (token.keyId !== '' && key.id !== '' && key.id !== token.keyId) continue;
      if (key.algorithm !== '' && key.algorithm !== token.algorithm) continue;
      matched = true;
      if (key.family === 'OKP' && token.signature.length !== ed25519Length)
        return 'Jwt ED25519 signature is wrong length';
      // The token says how it is signed, but never what kind of key may prove it.
      if (key.family === families[token.algorithm.slice(0, 2)] && isSignedBy(key, token)) return undefined;
    }
    return matched ? failure.verification : failure.noMatch;
  }
}

function isSignedBy({ family, key }: Key, { algorithm, signed, signature }: Token): boolean {
  const hash = `sha${algorithm.slice(2)}`;
  if (family === 'oct') {
    const expected = createHmac(hash, key).update(signed).digest();
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  }
  try {
    if (family === 'OKP') return verify(null, signed, key, signature);
    if (family === 'EC') return verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
    const padding = algorithm.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
    return verify(hash, signed, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_AUTO }, signature);
  } catch {
    return false;
  }
}

const curves: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** A key of the set, or undefined where it is none that can be used. */
function keyOf(said: Json): Key | undefined {
  if (!isObject(said)) return undefined;
  const { kty, kid, alg, k } = said;
  const id = typeof kid === 'string' ? kid : '';
  const algorithm = typeof alg === 'string' ? alg : '';
  if (kty !== 'EC' && kty !== 'RSA' && kty !== 'oct' && kty !== 'OKP') return undefined;
  if (algorithm !== '' && families[algorithm.slice(0, 2)] !== kty) return undefined;
  if (kty === 'oct') {
    const secret = typeof k === 'string' ? base64url(k) : undefined;
    if (secret === undefined || secret.length === 0) return undefined;
    return { family: kty, id, algorithm, key: createSecretKey(secret) };
  }
  const crv = said.crv ?? (kty === 'EC' ? (curves[algorithm] ?? 'P-256') : undefined);
  if (kty === 'EC' && algorithm !== '' && curves[algorithm] !== crv) return undefined;
  if (kty === 'OKP' && crv !== 'Ed25519') return undefined;
  try {
    const key = createPublicKey({ key: { ...said, ...(crv !== undefined && { crv }) } as JsonWebKey, format: 'jwk' });
    return { family: kty, id, algorithm, key };
  } catch {
    return undefined;
  }
}

const isCertificate = (pem: Json): boolean => typeof pem === 'string' && pem.startsWith('-----BEGIN CERTIFICATE-----');

function certificates(set: JsonObject): KeySet | Failure {
  const entries = Object.entries(set);
  if (entries.length === 0 || !entries.every(([id, pem]) => id !== '' && isCertificate(pem)))
    return 'Jwks does not have [keys] field';
  try {
    return new KeySet(
      entries.map(([id, pem]) => {
        const key = new X509Certificate(String(pem)).publicKey;
        return { family: key.asymmetricKeyType === 'ec' ? 'EC' : 'RSA', id, algorithm: '', key };
      }),
    );
  } catch {
    return 'X509 parse pubkey fails';
  }
}
