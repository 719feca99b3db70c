/** Encrypted connections to hosts: whom is believed, what is shown, and how it reads when that fails. */
import { accessLog, type Ports, request, type Scenario, stats } from '../scenario.ts';
import { health, routesTo } from './answers.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { chain, inspector } from './tls.ts';
import { authority, type Context, handshakes, named, otherAuthority, secured, served, spoken } from './tls-steps.ts';

type Json = Record<string, unknown>;

const client = ['client'];

/** Clusters of the host that demands a certificate. */
const contexts: Record<string, Context> = {
  good: { certificates: client, validation: { trusted_ca: authority, ...named('DNS', 'one.example') } },
  wild: { certificates: client, validation: { trusted_ca: authority, ...named('DNS', 'a.wild.example') } },
  unverified: { certificates: client },
  named: { certificates: client, more: { sni: 'one.example' } },
  newest: { certificates: client, common: { tls_params: { tls_maximum_protocol_version: 'TLSv1_3' } } },
  untrusted: { certificates: client, validation: { trusted_ca: otherAuthority }, more: { sni: 'open.example' } },
  expired: { certificates: client, validation: { trusted_ca: authority }, more: { sni: 'expired.example' } },
  ageless: {
    certificates: client,
    validation: { trusted_ca: authority, allow_expired_certificate: true },
    more: { sni: 'expired.example' },
  },
  misnamed: { certificates: client, validation: { trusted_ca: authority, ...named('DNS', 'two.example') } },
  believing: {
    certificates: client,
    validation: { trusted_ca: otherAuthority, trust_chain_verification: 'ACCEPT_UNTRUSTED' },
    more: { sni: 'open.example' },
  },
  unhashed: { certificates: client, validation: { verify_certificate_hash: ['0'.repeat(64)] } },
  shy: {},
  'shy-newest': { common: { tls_params: { tls_maximum_protocol_version: 'TLSv1_3' } } },
  strange: { certificates: ['stranger'], common: { tls_params: { tls_maximum_protocol_version: 'TLSv1_3' } } },
  protocols: { certificates: client, common: { alpn_protocols: ['other', 'http/1.1'] } },
};

const names = [...Object.keys(contexts), 'plain', 'nobody', 'checked', 'ill'];
const answered = ['good', 'wild', 'unverified', 'named', 'newest', 'believing', 'protocols', 'ageless'];

const check = (path: string): Json => ({
  ...{ timeout: '1s', interval: '0.3s', no_traffic_interval: '0.3s', unhealthy_threshold: 1, healthy_threshold: 1 },
  http_health_check: { path },
});

const clusters = (ports: Ports): Json[] => [
  ...Object.entries(contexts).map(([name, context]) => cluster(name, [ports.nobody], spoken(context))),
  cluster('plain', [ports.raw], spoken({})),
  cluster('nobody', [1], spoken({})),
  cluster('checked', [ports.nobody], { ...spoken(contexts.good!), health_checks: [check('/own')] }),
  cluster('ill', [ports.nobody], { ...spoken(contexts.misnamed!), health_checks: [check('/own')] }),
  cluster('echo', [ports.raw]),
];

export const upstreamTls: Scenario = {
  name: 'tls to hosts',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener) },
          filter_chains: [
            chain(
              'front',
              undefined,
              {},
              {
                route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: routesTo(names) }] },
                access_log: [
                  fileLog(
                    log,
                    '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %RESPONSE_CODE_DETAILS% %UPSTREAM_TLS_VERSION% %UPSTREAM_PEER_SUBJECT% %UPSTREAM_PEER_ISSUER% %UPSTREAM_PEER_DNS_SAN% %UPSTREAM_PEER_URI_SAN% %UPSTREAM_LOCAL_URI_SAN% %UPSTREAM_LOCAL_DNS_SAN% %UPSTREAM_LOCAL_IP_SAN% %UPSTREAM_PEER_IP_SAN% %UPSTREAM_PEER_CERT% %UPSTREAM_PEER_CERT_V_END(%Y)%\n',
                  ),
                ],
              },
            ),
          ],
        },
        {
          ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody), listener_filters: [inspector] },
          filter_chains: [
            // OpenSSL shows the authorities that it trusts, too: here it has none.
            chain('expired', { server_names: ['expired.example'] }, served({ certificates: ['expired'] })),
            chain('open', { server_names: ['open.example'] }, served({ certificates: ['one'] })),
            chain(
              'back',
              undefined,
              served({
                certificates: ['one'],
                common: { alpn_protocols: ['http/1.1'] },
                validation: { trusted_ca: authority },
                more: { require_client_certificate: true },
              }),
              {
                forward_client_cert_details: 'SANITIZE_SET',
                set_current_client_cert_details: { uri: true },
                access_log: [fileLog(`${log}.back`, '%DOWNSTREAM_TLS_VERSION% %REQUESTED_SERVER_NAME%\n')],
              },
            ),
          ],
        },
      ],
      clusters: clusters(ports),
    },
  }),
  steps: [
    ...names.map(name => request(`/${name}/echo`)),
    // On the connection that is there, and where sessions go on.
    ...answered.map(name => request(`/${name}/own`)),
    accessLog(names.length + answered.length),
    // A proxy of ours that refuses a client's certificate ends the connection without an alert, which Envoy counts.
    ...Object.keys(contexts)
      .filter(name => name !== 'strange')
      .map(name => handshakes(`cluster.${name}`)),
    ...names.map(name =>
      stats(
        ...[
          'upstream_cx_total',
          'upstream_cx_connect_fail',
          'upstream_rq_total',
          'upstream_rq_pending_failure_eject',
        ].map(stat => `cluster.${name}.${stat}`),
      ),
    ),
    health('checked'),
    health('ill'),
  ],
};

const tunnel = (statPrefix: string, to: string, log: string): Json => ({
  name: 'tcp',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: statPrefix,
    cluster: to,
    access_log: [
      fileLog(
        log,
        '%RESPONSE_FLAGS% %REQUESTED_SERVER_NAME% %DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_PEER_URI_SAN% %UPSTREAM_TLS_VERSION% %UPSTREAM_PEER_SUBJECT% %DOWNSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n',
      ),
    ],
  },
});

/** Bytes of connections that are encrypted, passed on unread, decrypted, or encrypted anew. */
export const tlsTunnels: Scenario = {
  name: 'tls through the tcp proxy',
  config: (ports, log) => {
    const match = (name: string): Json => ({ filter_chain_match: { server_names: [name] } });
    const mutual = { validation: { trusted_ca: authority }, more: { require_client_certificate: true } };
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
            filter_chains: [
              { ...match('through.example'), filters: [tunnel('through', 'back', log)] },
              {
                ...match('ended.example'),
                ...served({ certificates: ['two'], ...mutual }),
                filters: [tunnel('ended', 'raw', log)],
              },
              {
                ...match('anew.example'),
                ...served({ certificates: ['two'] }),
                filters: [tunnel('anew', 'anew', log)],
              },
              {
                ...match('distrusted.example'),
                ...served({ certificates: ['two'] }),
                filters: [tunnel('distrusted', 'distrusted', log)],
              },
            ],
          },
          {
            ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody) },
            filter_chains: [chain('back', undefined, served({ certificates: ['one'] }))],
          },
        ],
        clusters: [
          cluster('back', [ports.nobody]),
          cluster('raw', [ports.raw]),
          cluster('echo', [ports.raw]),
          cluster('anew', [ports.nobody], spoken({ validation: { trusted_ca: authority } })),
          cluster(
            'distrusted',
            [ports.nobody],
            spoken({ validation: { trusted_ca: authority, ...named('DNS', 'b') } }),
          ),
        ],
      },
    };
  },
  steps: [
    secured('/own', { name: 'through.example' }),
    secured('/echo', { name: 'ended.example', identity: 'client' }),
    secured('/own', { name: 'anew.example' }),
    secured('/own', { name: 'distrusted.example' }),
    accessLog(4),
    secured('/echo', { name: 'ended.example' }),
    stats(
      ...['through', 'ended', 'anew', 'distrusted'].map(name => `tcp.${name}.downstream_cx_total`),
      'listener.main.downstream_cx_total',
      'cluster.anew.upstream_cx_total',
      'cluster.distrusted.upstream_cx_connect_fail',
      'cluster.distrusted.ssl.fail_verify_san',
    ),
  ],
};
