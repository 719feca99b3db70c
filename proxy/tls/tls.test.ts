import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { unreadHello } from '../listener/client-hello.ts';
import { StatsStore } from '../stats/store.ts';
import { SecretManager } from './secret-manager.ts';
import { TlsClient } from './tls-client.ts';
import type { TlsFacts } from './tls-facts.ts';
import { TlsServer } from './tls-server.ts';

const fixture = (name: string) => ({ filename: join(import.meta.dirname, '../../test/fixtures/tls', name) });
const certificate = (name: string) => ({
  tls_certificates: [{ certificate_chain: fixture(`${name}.pem`), private_key: fixture(`${name}.key`) }],
});
const trusting = (...names: string[]) => ({
  validation_context: {
    trusted_ca: fixture('authority.pem'),
    match_typed_subject_alt_names: names.map(exact => ({ san_type: 'DNS', matcher: { exact } })),
  },
});

type Outcome = { socket: TLSSocket; facts?: TlsFacts } | { refused: string };

/** A server and a client of these contexts. */
class Ends {
  readonly store = new StatsStore();
  readonly #server: TlsServer;
  readonly #client: TlsClient;
  readonly #listener: Server = createServer({ pauseOnConnect: true });
  readonly #sockets: (Socket | TLSSocket)[] = [];

  constructor(server: JsonValue, client: JsonValue) {
    const secrets = new SecretManager(undefined, this.store);
    this.#server = new TlsServer(fromJson(DownstreamTlsContextSchema, server), this.store.scope('listener.'), secrets);
    this.#client = new TlsClient(fromJson(UpstreamTlsContextSchema, client), this.store.scope('cluster.'), secrets);
  }

  async start(): Promise<void> {
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
  }

  /** How one handshake ends on both sides. */
  async meet(): Promise<{ server: Outcome; client: Outcome }> {
    const raw = connect((this.#listener.address() as AddressInfo).port, '127.0.0.1');
    const [[accepted]] = (await Promise.all([once(this.#listener, 'connection'), once(raw, 'connect')])) as [
      [Socket],
      [],
    ];
    this.#sockets.push(raw, accepted);
    const [server, client] = [Promise.withResolvers<Outcome>(), Promise.withResolvers<Outcome>()];
    this.#server.handshake(accepted, unreadHello, 1000, {
      onSecured: (socket, facts) => server.resolve({ socket, facts }),
      onFailed: refused => server.resolve({ refused }),
      onTimeout: () => {},
    });
    this.#client.handshake(raw, [], {
      onSecured: socket => client.resolve({ socket }),
      onFailed: refused => client.resolve({ refused }),
    });
    return { server: await server.promise, client: await client.promise };
  }

  count(name: string): number {
    return this.store.counter(name).value;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
  }
}

async function withEnds(server: JsonValue, client: JsonValue, use: (ends: Ends) => Promise<void>): Promise<void> {
  const ends = new Ends(server, client);
  await ends.start();
  try {
    await use(ends);
  } finally {
    ends.stop();
  }
}

/** Waits until the client has what it needs to go on with the session. */
async function exchange({ server, client }: { server: Outcome; client: Outcome }): Promise<void> {
  assert.ok('socket' in server && 'socket' in client);
  client.socket.write('ping');
  const [ping] = (await once(server.socket, 'data')) as [Buffer];
  server.socket.write(ping);
  await once(client.socket, 'data');
}

for (const version of ['TLSv1_2', 'TLSv1_3']) {
  test(`a session goes on where it was, by ${version}`, async () => {
    const params = { tls_params: { tls_maximum_protocol_version: version } };
    const client = { common_tls_context: { ...certificate('client'), ...trusting('one.example'), ...params } };
    const server = { common_tls_context: { ...certificate('one'), ...trusting() }, require_client_certificate: true };
    await withEnds(server, client, async ends => {
      for (let i = 0; i < 3; i++) await exchange(await ends.meet());
      assert.equal(ends.count('cluster.ssl.handshake'), 3);
      assert.equal(ends.count('cluster.ssl.session_reused'), 2);
      assert.equal(ends.count('listener.ssl.session_reused'), 2);
      assert.equal(ends.count('listener.ssl.no_certificate'), 0);
    });
  });
}

test('a host that is not what it should be gives no session either', async () => {
  const client = { common_tls_context: { ...certificate('client'), ...trusting('elsewhere.example') } };
  await withEnds({ common_tls_context: certificate('one') }, client, async ends => {
    for (let i = 0; i < 3; i++) {
      const { client: outcome } = await ends.meet();
      assert.ok('refused' in outcome && outcome.refused.includes('SAN matcher, certificate SANs are [one.example'));
    }
    assert.equal(ends.count('cluster.ssl.fail_verify_san'), 3);
    assert.equal(ends.count('cluster.ssl.session_reused'), 0);
    assert.equal(ends.count('cluster.ssl.handshake'), 0);
  });
});

test('a client that shows what another authority signed is refused, also when it comes again', async () => {
  const client = { common_tls_context: certificate('stranger'), max_session_keys: 1 };
  const server = { common_tls_context: { ...certificate('one'), ...trusting() }, require_client_certificate: true };
  await withEnds(server, client, async ends => {
    for (let i = 0; i < 2; i++) {
      const { server: outcome } = await ends.meet();
      assert.ok('refused' in outcome && outcome.refused.includes('unable to get local issuer certificate'));
    }
    assert.equal(ends.count('listener.ssl.fail_verify_error'), 2);
    assert.equal(ends.count('listener.ssl.handshake'), 0);
  });
});

test('a server knows who calls', async () => {
  const client = { common_tls_context: certificate('client') };
  await withEnds({ common_tls_context: { ...certificate('one'), ...trusting() } }, client, async ends => {
    const { server } = await ends.meet();
    assert.ok('facts' in server);
    assert.deepEqual(server.facts?.peer?.namesOf('uri'), ['spiffe://example.org/client']);
    assert.equal(server.facts?.peer?.subject, 'CN=client,O=Exa\\, mple,C=ES');
    assert.equal(server.facts?.local?.subject, 'CN=one.example,O=Example');
    assert.equal(server.facts?.version, 'TLSv1.2');
  });
});
