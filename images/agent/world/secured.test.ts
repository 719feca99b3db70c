import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { RequestTls } from '../protocol/messages.ts';
import { Refusal, unanswered } from './refusal.ts';
import { secured } from './secured.ts';

const given = join(import.meta.dirname, '../../../labs/lessons/2.21-one-port/given');
const pem = (name: string): string => readFileSync(join(given, name), 'utf8');
const pair = (name: string) => ({ certificate: pem(`${name}.crt`), key: pem(`${name}.key`) });
const shop = { cert: pem('shop.crt'), key: pem('shop.key') };

type Told = Error & { code?: string; rawPacket?: Buffer };

/** What a client is told that calls such a server. */
async function call(server: Server, tls: RequestTls | undefined, host = 'shop.example', patienceMs = 5000) {
  const peers: Socket[] = [];
  server.on('connection', (peer: Socket) => peers.push(peer));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const patience = setTimeout(() => socket.destroy(), patienceMs);
  try {
    const secure = tls && secured(socket, host, tls);
    return await new Promise<{ status: number; certificate: unknown }>((resolve, reject) => {
      const sent = request({ createConnection: () => secure?.socket ?? socket, headers: { host } });
      sent.on('response', ({ statusCode = 0 }) => resolve({ status: statusCode, certificate: secure?.certificate() }));
      sent.on('error', (error: Told) => reject(unanswered('https://shop.example/', error)));
      sent.end();
    });
  } finally {
    clearTimeout(patience);
    for (const one of [socket, ...peers]) one.destroy();
    server.close();
  }
}

/** Answers with the name that was asked for as the status, so to speak: 200 for a name, 204 for none. */
function answering(options: TlsOptions): Server {
  return createTlsServer({ ...shop, ...options }, socket => {
    socket.on('error', () => {});
    socket.on('data', () => socket.end(`HTTP/1.1 ${socket.servername ? 200 : 204} x\r\ncontent-length: 0\r\n\r\n`));
  }).on('tlsClientError', () => {});
}

test('the certificate of an answer is told, not verified', async () => {
  const certificate = { subject: 'CN=shop.example', subjectAltNames: ['shop.example', 'www.shop.example'] };
  assert.deepEqual(await call(answering({}), {}), { status: 200, certificate });
  assert.deepEqual(await call(answering({}), { serverName: '' }), { status: 204, certificate });
  assert.deepEqual(await call(answering({}), {}, '127.0.0.1'), { status: 204, certificate });
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a client without the right certificate is refused, by ${version}`, async () => {
    const asking = () => answering({ requestCert: true, ca: pem('ca.crt'), maxVersion: version });
    assert.equal((await call(asking(), pair('till'))).status, 200);
    await assert.rejects(call(asking(), {}), Refusal);
    await assert.rejects(call(asking(), pair('stranger')), Refusal);
  });
}

test('a connection that just ends is a refusal, with TLS and without', async () => {
  const ending = () => createServer(socket => socket.on('error', () => {}).end());
  const resetting = () =>
    createServer(socket => socket.on('error', () => {}).once('data', () => socket.resetAndDestroy()));
  for (const server of [ending, resetting])
    for (const tls of [{}, undefined])
      await assert.rejects(call(server(), tls), {
        name: 'Failure',
        message: 'the connection was ended without an answer',
      });
});

test('who speaks no TLS where it is spoken is refused; a server that does not speak it refuses nobody', async () => {
  await assert.rejects(call(answering({}), undefined), Refusal);
  const plain = createServer(socket => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  await assert.rejects(call(plain, {}), error => {
    assert.ok(!(error instanceof Refusal));
    assert.match(String(error), /does not speak TLS/);
    return true;
  });
});

test('a handshake ends with the connection that it is on', async () => {
  const silent = createServer(socket => socket.on('error', () => {}));
  await assert.rejects(call(silent, {}, 'shop.example', 50), Refusal);
});

test('a certificate that is none is said to be none', async () => {
  await assert.rejects(call(answering({}), { certificate: 'x', key: 'y' }), { code: 'invalid' });
});
