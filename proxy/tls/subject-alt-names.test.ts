import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
} from '../api/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { coversName, namesTest, subjectAltNames } from './subject-alt-names.ts';

test('names are read in their order, with what Node quotes', () => {
  const subjectAltName =
    'URI:spiffe://a/b, DNS:a.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, othername:<unsupported>, email:a@b.example, DNS:"a, DNS:b"';
  assert.deepEqual(subjectAltNames({ subjectAltName, raw: Buffer.alloc(0) }), [
    { kind: 'uri', value: 'spiffe://a/b' },
    { kind: 'dns', value: 'a.example' },
    { kind: 'ip', value: '127.0.0.1' },
    { kind: 'ip', value: '0:0:0:0:0:0:0:1' },
    { kind: 'email', value: 'a@b.example' },
    { kind: 'dns', value: 'a, DNS:b' },
  ]);
  assert.deepEqual(subjectAltNames({ subjectAltName: undefined, raw: Buffer.alloc(0) }), []);
});

test('a star stands for one label', () => {
  assert.ok(coversName('*.Example.org', 'a.example.org'));
  assert.ok(coversName('a.example.org', 'A.example.org'));
  for (const name of ['example.org', 'a.b.example.org', '.example.org', 'a.example.orgs', ''])
    assert.ok(!coversName('*.example.org', name), name);
  assert.ok(!coversName('*', 'a'));
});

type Wanted = Parameters<typeof create<typeof CertificateValidationContextSchema>>[1];

test('names are compared by their kind', () => {
  const context = (wanted: Wanted): CertificateValidationContext => create(CertificateValidationContextSchema, wanted);
  const exact = (value: string) => ({ matchPattern: { case: 'exact' as const, value } });
  const byUri = namesTest(context({ matchTypedSubjectAltNames: [{ sanType: 3, matcher: exact('a.example') }] }))!;
  assert.ok(byUri([{ kind: 'uri', value: 'a.example' }]));
  assert.ok(!byUri([{ kind: 'dns', value: 'a.example' }]));
  const byDns = namesTest(context({ matchTypedSubjectAltNames: [{ sanType: 2, matcher: exact('a.example') }] }))!;
  assert.ok(
    byDns([
      { kind: 'email', value: 'a' },
      { kind: 'dns', value: '*.example' },
    ]),
  );
  const untyped = namesTest(context({ matchSubjectAltNames: [exact('a.example')] }))!;
  assert.ok(untyped([{ kind: 'ip', value: 'a.example' }]));
  assert.ok(!untyped([]));
  assert.equal(namesTest(context({})), undefined);
});
