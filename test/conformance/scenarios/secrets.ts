/** Certificates and what is demanded of peers, from files (SDS), and their rotation. */
import { copyFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { top } from '../../lint/files.ts';
import { admin, type Place, readStats, request, type Scenario, type Step, stats } from '../scenario.ts';
import { routesTo } from './answers.ts';
import { address, cluster } from './configuration.ts';
import { folderOf, put, response, source } from './discovery.ts';
import { chain, inspector } from './tls.ts';
import { authority, certificate, named, open, otherAuthority, secured, served, spoken } from './tls-steps.ts';

type Json = Record<string, unknown>;

const secret = (name: string, parts: Json): Json => ({
  '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  name,
  ...parts,
});

const shows = (name: string, of: string): Json => secret(name, { tls_certificate: certificate(of) });
const demands = (name: string, validation: Json): Json => secret(name, { validation_context: validation });

const byFile = (folder: string, name: string): Json => ({ name, sds_config: source(folder, name) });

const ends = ['update_success', 'update_rejected', 'update_failure'];
const counted = ['update_attempt', ...ends, 'key_rotation_failed', 'version_text'];
const patience = 10_000;

/** Waits until the sum of some statistics is another one. */
async function changed(place: Place, names: string[], act: () => void): Promise<void> {
  const sum = async () =>
    Object.values(await readStats(place.ports.admin, names))
      .map(Number)
      .reduce((a, b) => a + b, 0);
  const before = await sum();
  act();
  const until = Date.now() + patience;
  while ((await sum()) === before && Date.now() < until) await wait(20);
}

/** A step: another secret lies in the file, and was taken or not. */
function publish(what: string, name: string, version: string, ...secrets: Json[]): Step {
  return {
    name: what,
    see: async place => {
      const text = response(version, secrets);
      await changed(
        place,
        ends.map(end => `sds.${name}.${end}`),
        () => put(folderOf(place), name, text),
      );
      return stats(...counted.map(one => `sds.${name}.${one}`)).see(place);
    },
  };
}

/** A step: the files that a secret names are replaced. */
function replaceFiles(of: string): Step {
  return {
    name: `the files are those of ${of}`,
    see: async place => {
      const folder = folderOf(place);
      await changed(place, ['listener.main.server_ssl_socket_factory.ssl_context_update_by_sds'], () => {
        for (const end of ['key', 'pem']) {
          copyFileSync(join(top, `test/fixtures/tls/${of}.${end}`), join(folder, `fresh.${end}`));
          renameSync(join(folder, `fresh.${end}`), join(folder, `rotated.${end}`));
        }
      });
      return stats('sds.rotated.update_attempt').see(place);
    },
  };
}

/** A step: a connection that was made before a change carries another request after it. */
function across(name: string, change: Step): Step {
  return {
    name: `${change.name}, on a connection that is there`,
    see: async place => {
      const socket = open(place.ports.listener, { name });
      const answer = async () => {
        socket.write('GET /own HTTP/1.1\r\nhost: a\r\n\r\n');
        return new Promise(resolve => {
          socket.once('data', chunk => resolve(String(chunk).split('\r\n')[0]));
          socket.once('close', () => resolve('closed'));
        });
      };
      const before = await answer();
      const seen = await change.see(place);
      const after = await answer();
      socket.destroy();
      return { before, seen, after };
    },
  };
}

/** The secrets in a dump, without times and folders. */
const dumpedBut = (but: string): Step =>
  admin('/config_dump', body => {
    const { configs } = JSON.parse(body.replaceAll(/"[^"]*\/([\w.-]+\.(pem|key))"/g, '"<$1>"')) as { configs: Json[] };
    const found = configs.find(config => String(config['@type']).endsWith('SecretsConfigDump'))!;
    const lists = ['dynamic_active_secrets', 'dynamic_warming_secrets'].map(list =>
      ((found[list] ?? []) as Json[])
        .filter(({ name }) => name !== but)
        .map(({ last_updated: _, ...more }) => more)
        .sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1)),
    );
    return lists;
  });

export const secrets: Scenario = {
  name: 'secrets from files',
  config: (ports, log) => {
    const folder = dirname(log);
    put(folder, 'shown', response('v1', [shows('shown', 'one')]));
    put(folder, 'demanded', response('v1', [demands('demanded', { trusted_ca: authority })]));
    put(folder, 'combined', response('v1', [demands('combined', { trusted_ca: authority })]));
    put(folder, 'absent', response('v1', []));
    put(folder, 'client', response('v1', [shows('client', 'client')]));
    for (const end of ['key', 'pem'])
      copyFileSync(join(top, `test/fixtures/tls/one.${end}`), join(folder, `rotated.${end}`));
    const rotated = {
      certificate_chain: { filename: join(folder, 'rotated.pem') },
      private_key: { filename: join(folder, 'rotated.key') },
    };
    put(folder, 'rotated', response('v1', [secret('rotated', { tls_certificate: rotated })]));
    const bySecret = (name: string, more: Json = {}) =>
      served({ common: { tls_certificate_sds_secret_configs: [byFile(folder, name)], ...more } });
    const names = (name: string): Json => ({ server_names: [name] });
    const mutual = { validation_context_sds_secret_config: byFile(folder, 'demanded') };
    const combined = {
      combined_validation_context: {
        default_validation_context: named('URI', 'spiffe://example.org/client'),
        validation_context_sds_secret_config: byFile(folder, 'combined'),
      },
    };
    return {
      node: { id: 'proxy', cluster: 'proxies' },
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
            filter_chains: [
              chain('shown', names('shown'), bySecret('shown')),
              chain('mutual', names('mutual'), bySecret('shown', mutual)),
              chain('combined', names('combined'), bySecret('shown', combined)),
              chain('rotated', names('rotated'), bySecret('rotated')),
              chain('absent', names('absent'), bySecret('absent')),
              chain(
                'plain',
                { transport_protocol: 'raw_buffer' },
                {},
                {
                  route_config: {
                    virtual_hosts: [{ name: 'all', domains: ['*'], routes: routesTo(['up', 'missing']) }],
                  },
                },
              ),
            ],
          },
          {
            ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody) },
            filter_chains: [
              chain('back', undefined, served({ certificates: ['one'], validation: { trusted_ca: authority } }), {
                forward_client_cert_details: 'SANITIZE_SET',
                set_current_client_cert_details: { uri: true },
              }),
            ],
          },
        ],
        clusters: [
          cluster('echo', [ports.raw]),
          cluster('up', [ports.nobody], {
            ...spoken({ common: { tls_certificate_sds_secret_configs: [byFile(folder, 'client')] } }),
            max_requests_per_connection: 1,
          }),
          cluster(
            'missing',
            [ports.nobody],
            spoken({ common: { tls_certificate_sds_secret_configs: [byFile(folder, 'absent')] } }),
          ),
        ],
      },
    };
  },
  steps: [
    secured('/own', { name: 'shown' }),
    secured('/own', { name: 'absent' }),
    secured('/own', { name: 'mutual', identity: 'client' }),
    secured('/own', { name: 'mutual', identity: 'stranger' }),
    secured('/own', { name: 'combined', identity: 'client' }),
    secured('/own', { name: 'combined', identity: 'visitor' }),
    request('/up/echo'),
    request('/missing/echo'),
    stats(...['shown', 'absent', 'client', 'rotated'].flatMap(name => counted.map(one => `sds.${name}.${one}`))),
    dumpedBut(''),
    across('shown', publish('another certificate', 'shown', 'v2', shows('shown', 'two'))),
    { ...secured('/own', { name: 'shown' }), name: 'the other certificate is shown' },
    publish(
      'a key that does not fit',
      'shown',
      'v3',
      secret('shown', {
        tls_certificate: {
          ...certificate('one'),
          private_key: (certificate('two') as { private_key: Json }).private_key,
        },
      }),
    ),
    publish('another name', 'shown', 'v4', shows('other', 'one')),
    publish('two secrets', 'shown', 'v5', shows('shown', 'one'), shows('other', 'one')),
    publish('none', 'shown', 'v6'),
    { ...secured('/own', { name: 'shown' }), name: 'the certificate stays' },
    publish('another authority', 'demanded', 'v2', demands('demanded', { trusted_ca: otherAuthority })),
    { ...secured('/own', { name: 'mutual', identity: 'client' }), name: 'the client is refused now' },
    { ...secured('/own', { name: 'mutual', identity: 'stranger' }), name: 'the stranger is not' },
    publish('a secret at last', 'absent', 'v2', shows('absent', 'two')),
    { ...secured('/own', { name: 'absent' }), name: 'served at last' },
    { ...request('/missing/echo'), name: 'spoken to at last' },
    publish('another client', 'client', 'v2', shows('client', 'visitor')),
    { ...request('/up/echo'), name: 'the other client calls' },
    secured('/own', { name: 'rotated' }),
    across('rotated', replaceFiles('two')),
    { ...secured('/own', { name: 'rotated' }), name: 'the other files are shown' },
    // Of one that it had to refuse Envoy says in its dump that it has none, whatever it shows.
    { ...dumpedBut('shown'), name: 'the secrets in the end' },
    publish(
      'no file of that name',
      'shown',
      'v7',
      secret('shown', {
        tls_certificate: { ...certificate('one'), certificate_chain: { filename: '/nowhere.pem' } },
      }),
    ),
    { ...secured('/own', { name: 'shown' }), name: 'the certificate stays that was shown' },
    stats(
      ...[
        'ssl_context_update_by_sds',
        'downstream_context_secrets_not_ready',
        'upstream_context_secrets_not_ready',
      ].flatMap(name => [
        `listener.main.server_ssl_socket_factory.${name}`,
        `cluster.up.client_ssl_socket_factory.${name}`,
        `cluster.missing.client_ssl_socket_factory.${name}`,
      ]),
    ),
  ],
};
