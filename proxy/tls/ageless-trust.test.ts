import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { authoritiesOf, isTrustedAtSomeTime, purpose } from './ageless-trust.ts';

const read = (name: string) => readFileSync(join(import.meta.dirname, '../../test/fixtures/tls', `${name}.pem`));
const trusted = (name: string, ...authorities: string[]): boolean =>
  isTrustedAtSomeTime(
    new X509Certificate(read(name)),
    authoritiesOf(Buffer.concat(authorities.map(read))),
    purpose.client,
  );

test('a certificate is trusted by who has signed it, whenever that was', () => {
  assert.equal(trusted('expired', 'authority'), true);
  assert.equal(trusted('expired', 'other-authority', 'authority'), true);
  assert.equal(trusted('expired', 'expired'), true);
  assert.equal(trusted('expired', 'other-authority'), false);
  assert.equal(trusted('stranger', 'authority'), false);
  // Of the same authority, but none itself.
  assert.equal(trusted('expired', 'client'), false);
  assert.equal(trusted('expired'), false);
});

test('a certificate that is for something else is not trusted', () => {
  const certificate = new X509Certificate(read('expired'));
  const elsewhere = Object.create(certificate, { keyUsage: { value: [purpose.server] } }) as X509Certificate;
  assert.equal(isTrustedAtSomeTime(elsewhere, authoritiesOf(read('authority')), purpose.client), false);
});
