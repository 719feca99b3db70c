import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { KeySet } from './key-set.ts';
import { parseToken, type Token } from './token.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const secret = Buffer.alloc(32, 1);
const ecKey = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' };
const secretKey = { kty: 'oct', k: secret.toString('base64url'), kid: 'secret' };
const setOf = (...keys: unknown[]): KeySet => KeySet.parse(JSON.stringify({ keys })) as KeySet;

function tokenBy(header: object, signer: (text: string) => Buffer): Token {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode(header)}.${encode({})}`;
  return parseToken(`${text}.${signer(text).toString('base64url')}`) as Token;
}
const byEc = (header: object = {}) =>
  tokenBy({ alg: 'ES256', ...header }, text =>
    sign('sha256', Buffer.from(text), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
  );

test('the key that has signed is found among others', () => {
  assert.equal(setOf(secretKey, ecKey).check(byEc()), undefined);
  assert.equal(setOf(secretKey, ecKey).check(byEc({ kid: 'ec' })), undefined);
});

test('a key of another name or algorithm is none', () => {
  const reason = "Jwks doesn't have key to match kid or alg from Jwt";
  assert.equal(setOf(ecKey).check(byEc({ kid: 'other' })), reason);
  assert.equal(setOf({ ...secretKey, kid: '', alg: 'HS256' }).check(byEc()), reason);
});

test('a public key is never taken for a secret', () => {
  const pem = ec.publicKey.export({ format: 'pem', type: 'spki' });
  const forged = tokenBy({ alg: 'HS256' }, text => createHmac('sha256', pem).update(text).digest());
  assert.equal(setOf(ecKey).check(forged), 'Jwt verification fails');
});

test('keys that cannot be used are left out; none that can is an error', () => {
  assert.equal(setOf({ kty: 'RSA' }, 1, { ...ecKey, alg: 'ES384' }, ecKey).check(byEc()), undefined);
  assert.equal(KeySet.parse('{"keys":[{"kty":"RSA"}]}'), "Jwks doesn't have any valid public key");
  assert.equal(KeySet.parse('{"keys":1}'), '[keys] in Jwks is not an array');
  assert.equal(KeySet.parse('{}'), 'Jwks does not have [keys] field');
  assert.equal(KeySet.parse('x'), 'Jwks is an invalid JSON');
});
