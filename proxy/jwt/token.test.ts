import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audienceTest, base64url, parseToken, type Token, timeFailure } from './token.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = (claims: unknown): string => `${encode({ alg: 'RS256', kid: 'k' })}.${encode(claims)}.c2ln`;

test('a token is taken apart', () => {
  const token = parseToken(tokenOf({ iss: 'i', sub: 's', aud: 'a', nbf: 10.7, exp: 20 })) as Token;
  const { algorithm, keyId, issuer, subject, audiences, notBefore, expires, signature } = token;
  assert.deepEqual(
    { algorithm, keyId, issuer, subject, audiences, notBefore, expires, signature: String(signature) },
    {
      algorithm: 'RS256',
      keyId: 'k',
      issuer: 'i',
      subject: 's',
      audiences: ['a'],
      notBefore: 10,
      expires: 20,
      signature: 'sig',
    },
  );
});

const wrong: [name: string, text: string, reason: RegExp][] = [
  ['too few sections', 'a.b', /two dots and 3 sections/],
  ['an empty section', 'a..b', /two dots and 3 sections/],
  ['a claim of the wrong type', tokenOf({ exp: 'soon' }), /\[exp\] field is not an integer/],
  ['claims that are a list', tokenOf([]), /payload is an invalid JSON/],
];
for (const [name, text, reason] of wrong)
  test(`refused: ${name}`, () => assert.match(parseToken(text) as string, reason));

test('base64url: padding is complete or not there', () => {
  assert.equal(String(base64url('YQ')), 'a');
  assert.equal(String(base64url('YQ==')), 'a');
  assert.equal(base64url('YQ='), undefined);
  assert.equal(base64url('Y'), undefined);
  assert.equal(base64url('Y+'), undefined);
});

test('a token is good from its beginning to its end, give or take the skew', () => {
  const token = parseToken(tokenOf({ nbf: 100, exp: 200 })) as Token;
  const at = (now: number) => timeFailure(token, now, 10);
  assert.deepEqual([89, 90, 210, 211].map(at), ['Jwt not yet valid', undefined, undefined, 'Jwt is expired']);
});

test('audiences: neither the scheme nor the last slash counts', () => {
  const allows = audienceTest(['https://shop/']);
  assert.equal(allows(['http://shop']), true);
  assert.equal(allows(['x', 'shop']), true);
  assert.equal(allows(['shop/cart']), false);
  assert.equal(allows([]), false);
  assert.equal(audienceTest([])([]), true);
});
