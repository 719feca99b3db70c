/** JSON Web Tokens for the scenarios: keys that are made anew in each run, and what is signed by them. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

type Json = Record<string, unknown>;

interface Pair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const pairs: Record<string, Pair> = {
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: generateKeyPairSync('ed25519'),
  stranger: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const secret = Buffer.alloc(64, 's');

/** The public key of that name for a key set. */
export const jwk = (name: string, more: Json = {}): Json => ({
  ...pairs[name]!.publicKey.export({ format: 'jwk' }),
  ...more,
});
export const secretJwk = (more: Json = {}): Json => ({ kty: 'oct', k: secret.toString('base64url'), ...more });

export const encoded = (value: Json | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token of these claims, signed as `header.alg` says. */
export function token(claims: Json | string, header: Json = {}, keyName?: string): string {
  const { alg = 'RS256' } = header as { alg?: string };
  const text = `${encoded({ alg, typ: 'JWT', ...header })}.${encoded(claims)}`;
  return `${text}.${signatureOf(alg, keyName ?? (alg in pairs ? alg : 'RSA'), text)}`;
}

function signatureOf(alg: string, keyName: string, text: string): string {
  const hash = `sha${alg.slice(2)}`;
  const data = Buffer.from(text);
  if (alg.startsWith('HS')) return createHmac(hash, secret).update(data).digest('base64url');
  const { privateKey: key } = pairs[keyName]!;
  if (alg === 'EdDSA') return sign(null, data, key).toString('base64url');
  if (alg.startsWith('ES')) return sign(hash, data, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const pss = { key, padding: 6, saltLength: Number(alg.slice(2)) / 8 };
  return sign(
    alg.startsWith('PS') || alg.startsWith('RS') ? hash : 'sha256',
    data,
    alg.startsWith('PS') ? pss : key,
  ).toString('base64url');
}
