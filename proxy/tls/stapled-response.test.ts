import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StapledResponse } from './stapled-response.ts';

const folder = join(import.meta.dirname, '../../test/fixtures/tls');
const read = (name: string) => readFileSync(join(folder, name));

test('a response tells whom it is for and whether it still holds', () => {
  const response = new StapledResponse(read('stapled.ocsp'));
  assert.deepEqual([response.serial, response.expired], ['2001', false]);
  assert.equal(new StapledResponse(read('stale.ocsp')).expired, true);
});

test('what is no response is refused', () => {
  const cases: Record<string, string> = {
    '616263': 'OCSP Response is not a well-formed ASN.1 SEQUENCE',
    '30030a0106': 'OCSP response was unsuccessful',
    '30030a0100': 'OCSP response has no body',
    '30030a010000': 'Data contained more than a single OCSP response',
  };
  for (const [bytes, message] of Object.entries(cases))
    assert.throws(() => new StapledResponse(Buffer.from(bytes, 'hex')), { message });
});

test('a response that is cut off anywhere, or changed, is refused or read, and nothing else', () => {
  const whole = read('stapled.ocsp');
  for (let length = 1; length < whole.length; length++)
    assert.throws(() => new StapledResponse(whole.subarray(0, length)), { code: 'BAD_TLS_CONTEXT' }, `${length}`);
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = changed[at]! ^ 0xff;
    try {
      assert.match(new StapledResponse(changed).serial, /^[0-9a-f]*$/);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'BAD_TLS_CONTEXT');
    }
  }
});
