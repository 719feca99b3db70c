/** Operators of access logs that tell of TLS on both sides, each with its name before what it prints. */
import { readFileSync } from 'node:fs';
import { accessLog, type Scenario, type Step } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { answering, chain, inspector } from './tls.ts';
import { authority, type Client, chainedAuthority, secured, served, spoken } from './tls-steps.ts';

const certificateParts = ['URI_SAN', 'DNS_SAN', 'IP_SAN', 'SUBJECT'];

const operators = [
  ...['VERSION', 'CIPHER', 'SESSION_ID', 'GROUP'].map(part => `DOWNSTREAM_TLS_${part}`),
  ...['VERSION', 'CIPHER', 'SESSION_ID'].map(part => `UPSTREAM_TLS_${part}`),
  ...[...certificateParts, 'EMAIL_SAN'].flatMap(part => [`DOWNSTREAM_PEER_${part}`, `DOWNSTREAM_LOCAL_${part}`]),
  ...['FINGERPRINT_256', 'FINGERPRINT_1', 'SERIAL', 'ISSUER', 'CERT'].map(part => `DOWNSTREAM_PEER_${part}`),
  ...['FINGERPRINTS_256', 'FINGERPRINTS_1', 'SERIALS'].map(part => `DOWNSTREAM_PEER_CHAIN_${part}`),
  ...certificateParts.map(part => `UPSTREAM_PEER_${part}`),
  ...['URI_SAN', 'DNS_SAN', 'IP_SAN'].map(part => `UPSTREAM_LOCAL_${part}`),
  ...['DOWNSTREAM', 'UPSTREAM'].flatMap(side => [`${side}_PEER_CERT_V_START`, `${side}_PEER_CERT_V_END(%Y-%m-%d %H)`]),
  ...[
    '',
    '(SNI_ONLY)',
    '(SNI_FIRST)',
    '(HOST_FIRST)',
    '(SNI_FIRST:ORIG)',
    '(HOST_FIRST:HOST)',
    '(HOST_FIRST:ORIG)',
  ].map(options => `REQUESTED_SERVER_NAME${options}`),
  ...['TLS_JA3_FINGERPRINT', 'UPSTREAM_TLS_GROUP', 'UPSTREAM_SERVER_NAME'],
  'ROUNDTRIP_DURATION',
  ...['DOWNSTREAM_LOCAL', 'DOWNSTREAM_REMOTE', 'DOWNSTREAM_DIRECT_LOCAL', 'DOWNSTREAM_DIRECT_REMOTE'].map(
    end => `${end}_ADDRESS_WITHOUT_PORT(12)`,
  ),
  ...['UPSTREAM_LOCAL', 'UPSTREAM_REMOTE'].flatMap(end =>
    [0, 8, 32, 33, -1, 'x', '8x'].map(length => `${end}_ADDRESS_WITHOUT_PORT(${length})`),
  ),
  'QUERY_PARAMS(ORIG)',
  'QUERY_PARAMS:3',
  'UPSTREAM_PEER_ISSUER',
  'UPSTREAM_PEER_CERT',
  'DOWNSTREAM_TRANSPORT_FAILURE_REASON',
  ...['TLS_JA4_FINGERPRINT', 'DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256', 'DOWNSTREAM_PEER_ISSUER_SERIAL'],
  ...['DOWNSTREAM_PEER_OTHERNAME_SAN', 'DOWNSTREAM_LOCAL_OTHERNAME_SAN', 'DOWNSTREAM_HANDSHAKE_DURATION'],
  ...['DS_CX_BEG:DS_HS_END:us', 'US_CX_BEG:US_CX_END:us', 'US_CX_END:US_HS_END:us'].map(
    points => `COMMON_DURATION(${points})`,
  ),
];

const format = `${operators.map(name => `${name.replaceAll('%', '')}=%${name}%`).join(' ')}\n`;

/** How long a session's id is: what is in it is chance. */
const withoutIds = (line: string): string =>
  line
    .replace(/(DURATION[^=]*=)-?\d+/g, '$1some')
    .replace(/(SESSION_ID=)([0-9a-f]+)/g, (_, name: string, id: string) => `${name}<${id.length}>`);

const perOperator = (lines: number): Step => ({
  name: 'the access log',
  see: async place =>
    ((await accessLog(lines, withoutIds).see(place)) as string[]).map(line =>
      line.split(/ (?=[A-Z_0-9]+(?:\([^)]*\))?=)/),
    ),
});

/** One that also tells which program the client may be. */
const fingerprinting = {
  ...inspector,
  typed_config: {
    ...(inspector.typed_config as object),
    enable_ja3_fingerprinting: true,
    enable_ja4_fingerprinting: true,
  },
};

/** Those that clients' certificates are from. */
const authorities = {
  inline_string: [authority, chainedAuthority].map(({ filename }) => readFileSync(String(filename), 'utf8')).join(''),
};

const older: Client = { maxVersion: 'TLSv1.2' };

export const tlsOperators: Scenario = {
  name: 'operators of access logs on tls',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{
            name: 'main',
            stat_prefix: 'main',
            address: address(ports.listener),
            listener_filters: [fingerprinting],
          },
          filter_chains: [
            chain(
              'main',
              { transport_protocol: 'tls' },
              served({ certificates: ['two'], validation: { trusted_ca: authorities } }),
              { access_log: [fileLog(log, format)] },
            ),
          ],
        },
        {
          ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody) },
          filter_chains: [chain('back', undefined, served({ certificates: ['one'] }), answering)],
        },
      ],
      clusters: [
        cluster(
          'echo',
          [ports.nobody],
          spoken({ certificates: ['client'], validation: { trusted_ca: authority }, more: { sni: 'one.example' } }),
        ),
      ],
    },
  }),
  steps: [
    secured('/own', { name: 'One.example', identity: 'client' }),
    secured('/own', { name: 'one.example', identity: 'client', along: 'authority' }),
    secured('/own', { name: 'one.example', identity: 'visitor', ...older }),
    secured('/own', { ...older, ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' }),
    secured('/own', {}),
    secured('/own', { identity: 'chained', protocols: ['h2-other', '-'] }),
    secured('/echo?a=%20b&c', { name: 'one.example' }, ['x-envoy-original-host: first.example']),
    secured('/moved?%41%2f&b%3d=%zz&%4&c=%26%20%25', { name: 'one.example' }, ['x-envoy-original-host: first.example']),
    perOperator(8),
  ],
};
