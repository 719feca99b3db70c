/** Sessions that go on with another connection, and which certificate a client gets that can verify some keys only. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { accessLog, type Scenario, type Step } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { chain, inspector } from './tls.ts';
import { type Client, certificate, handshakes, open, secured, served } from './tls-steps.ts';

type Json = Record<string, unknown>;

/** Asks once, and tells the newest session that came with it. */
export async function ask(port: number, client: Client): Promise<{ reused: boolean; session: Buffer | undefined }> {
  const socket: TLSSocket = open(port, client);
  let session: Buffer | undefined;
  socket.on('session', (one: Buffer) => {
    session = one;
  });
  await once(socket, 'secureConnect');
  socket.write('GET /own HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(socket, 'data');
  const reused = socket.isSessionReused();
  session ??= client.maxVersion === 'TLSv1.2' ? socket.getSession() : undefined;
  socket.destroy();
  return { reused, session };
}

/** A step: two connections one after the other, whether the second goes on with the session of the first. */
function resumed(client: Client, pauseMs = 0): Step {
  return {
    name: [`sessions of ${client.name}`, client.maxVersion, pauseMs > 0 && 'later'].filter(Boolean).join(' '),
    see: async ({ ports }) => {
      const { session } = await ask(ports.listener, client);
      await wait(pauseMs);
      return (await ask(ports.listener, session === undefined ? client : { ...client, session })).reused;
    },
  };
}

const older: Client = { maxVersion: 'TLSv1.2' };

export const tlsSessions: Scenario = {
  name: 'tls sessions',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
          filter_chains: Object.entries({
            usual: {},
            short: { session_timeout: '1s' },
            'no-tickets': { disable_stateless_session_resumption: true },
            'no-ids': { disable_stateful_session_resumption: true },
            none: { disable_stateless_session_resumption: true, disable_stateful_session_resumption: true },
          }).map(([name, more]) =>
            chain(name, { server_names: [name] }, served({ certificates: ['one'], more }), {
              access_log: [fileLog(log, '%REQUESTED_SERVER_NAME% %DOWNSTREAM_TLS_SESSION_ID%\n')],
            }),
          ),
        },
      ],
      clusters: [cluster('echo', [ports.raw])],
    },
  }),
  steps: [
    ...['usual', 'no-ids', 'none', 'no-tickets'].flatMap(name => [resumed({ name }), resumed({ name, ...older })]),
    resumed({ name: 'short' }),
    resumed({ name: 'short' }, 2200),
    resumed({ name: 'short', ...older }, 2200),
    accessLog(22, line => line.replace(/[0-9a-f]{64}/, '<id>')),
  ],
};

const choosing = (names: string[], more: Json = {}, parameters: Json = {}): Json =>
  served({ common: { tls_certificates: names.map(certificate), tls_params: parameters }, more });

const pairs: Record<string, Json> = {
  both: choosing(['rsa', 'stapled']),
  reversed: choosing(['stapled', 'rsa']),
  'stapled.example': choosing(['one', 'rsa', 'stapled']),
  'rsa.example': choosing(['one', 'rsa', 'stapled']),
  nobody: choosing(['one', 'rsa', 'stapled']),
  scanning: choosing(['rsa', 'one', 'stapled'], { full_scan_certs_on_sni_mismatch: true }),
  signing: choosing(['rsa', 'one'], {}, { signature_algorithms: ['rsa_pkcs1_sha256', 'rsa_pss_rsae_sha256'] }),
};

const rsaOnly = 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256';

export const certificateChoices: Scenario = {
  name: 'certificates by what clients verify',
  config: ports => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
          filter_chains: Object.entries(pairs).map(([name, context]) => chain(name, { server_names: [name] }, context)),
        },
      ],
      clusters: [cluster('echo', [ports.raw])],
    },
  }),
  steps: [
    ...Object.keys(pairs).flatMap(name => [
      secured('/own', { name }),
      secured('/own', { name, sigalgs: rsaOnly }),
      secured('/own', { name, ...older }),
      secured('/own', { name, ...older, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }),
      secured('/own', { name, ...older, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
      secured('/own', { name, sigalgs: 'ecdsa_secp384r1_sha384:rsa_pss_rsae_sha384' }),
    ]),
    handshakes('listener.main'),
  ],
};
