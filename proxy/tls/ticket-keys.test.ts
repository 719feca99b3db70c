import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { CommonTlsContextSchema } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { compileTlsContext } from './tls-context.ts';

const fixture = (name: string) => ({ filename: join(import.meta.dirname, '../../test/fixtures/tls', name) });
const configured = (authority: string): JsonValue => ({
  tls_certificates: [{ certificate_chain: fixture('one.pem'), private_key: fixture('one.key') }],
  validation_context: { trusted_ca: fixture(authority) },
});

/** What a context made of this keeps sessions by. */
function keysOf(common: JsonValue, ticketSecret?: Uint8Array): string {
  const settings = {
    ...{ ticketSecret, demandsStaples: false, sessionTimeoutSeconds: undefined },
    ...{ withoutTickets: false, withoutIds: false },
  };
  const { identities } = compileTlsContext(fromJson(CommonTlsContextSchema, common), 'server', settings);
  const { context } = identities[0]!.context as unknown as { context: { getTicketKeys(): Buffer } };
  return context.getTicketKeys().toString('hex');
}

test('workers take up the sessions of each other, where all that they trust is the same', () => {
  const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const trusting = configured('authority.pem');
  assert.equal(keysOf(trusting, one), keysOf(trusting, one));
  assert.notEqual(keysOf(trusting, one), keysOf(trusting, other));
  assert.notEqual(keysOf(trusting, one), keysOf(configured('other-authority.pem'), one));
});

test('nobody else takes up the sessions of one that serves alone', () => {
  const trusting = configured('authority.pem');
  assert.notEqual(keysOf(trusting), keysOf(trusting));
});
