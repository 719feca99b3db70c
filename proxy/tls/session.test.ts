import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect, createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls';
import { parseSession, type SessionNotes, sessionNotes } from './session.ts';

const folder = join(import.meta.dirname, '../../test/fixtures/tls');
const read = (name: string) => readFileSync(join(folder, name));

/** What both ends note of one handshake. */
async function notesOf(
  server: SecureContextOptions,
  client: ConnectionOptions,
): Promise<{ server: SessionNotes; client: SessionNotes }> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const told = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...client });
  const [raw] = (await once(listener, 'connection')) as [Socket];
  const context = createSecureContext({ cert: read('one.pem'), key: read('one.key'), ...server });
  const socket = new TLSSocket(raw, { isServer: true, secureContext: context });
  await Promise.all([once(socket, 'secure'), once(told, 'secureConnect')]);
  const notes = { server: sessionNotes(socket), client: sessionNotes(told) };
  told.destroy();
  socket.destroy();
  listener.close();
  return notes;
}

test('both ends know what the keys were agreed on by', async () => {
  const groups: Record<string, string> = { X25519: 'X25519', 'P-384': 'P-384', X25519MLKEM768: 'X25519MLKEM768' };
  for (const [curve, group] of Object.entries(groups)) {
    const { server, client } = await notesOf({ ecdhCurve: curve }, { ecdhCurve: curve });
    assert.deepEqual([server.group, client.group], [group, group]);
  }
  const older = await notesOf({ ecdhCurve: 'P-256', maxVersion: 'TLSv1.2' }, {});
  assert.deepEqual([older.server.group, older.client.group], ['P-256', 'P-256']);
});

test('a session with a ticket has an id for the client alone', async () => {
  const { server, client } = await notesOf({ maxVersion: 'TLSv1.2' }, {});
  assert.equal(server.id, '');
  assert.match(client.id, /^[0-9a-f]{64}$/);
});

test('what is no session tells nothing', () => {
  const nothing = { version: 0, id: '', group: '' };
  for (const bytes of ['', '30', '3003020101', '30800201', 'ffffffff', '006e6f64656a733a746c733a73657373696f6e3a3100'])
    assert.deepEqual(parseSession(Buffer.from(bytes, 'hex')), nothing, bytes);
});
