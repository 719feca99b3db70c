/** Clients that show certificates: who is let in, and what upstreams and the access log are told. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { top } from '../../lint/files.ts';
import { accessLog, type Ports, type Scenario, type Step } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { chain, inspector } from './tls.ts';
import {
  authority,
  type Context,
  handshakes,
  named,
  otherAuthority,
  revocations,
  secured,
  served,
} from './tls-steps.ts';

type Json = Record<string, unknown>;

const required = { require_client_certificate: true };
const client = 'spiffe://example.org/client';

/** SHA-256 of the certificate `client`, and of the key of `visitor`. */
const fixture = (name: string) => new X509Certificate(readFileSync(join(top, `test/fixtures/tls/${name}.pem`)));
const hashOf = (name: string) => fixture(name).fingerprint256;
const keyHashOf = (name: string) =>
  createHash('sha256')
    .update(fixture(name).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

/** What each name demands of clients. */
const demands: Record<string, Context> = {
  required: { more: required, validation: { trusted_ca: authority } },
  named: { more: required, validation: { trusted_ca: authority, ...named('URI', client) } },
  mailed: { more: required, validation: { trusted_ca: authority, ...named('EMAIL', 'client@example.org') } },
  either: { more: required, validation: { trusted_ca: authority, ...named('DNS', 'x.example', 'client.example.org') } },
  untyped: {
    more: required,
    validation: { trusted_ca: authority, match_subject_alt_names: [{ prefix: 'spiffe://' }] },
  },
  optional: { validation: { trusted_ca: authority } },
  'optional-named': { validation: { trusted_ca: authority, ...named('URI', client) } },
  any: { more: required },
  untrusted: {
    more: required,
    validation: { trusted_ca: authority, trust_chain_verification: 'ACCEPT_UNTRUSTED', ...named('URI', client) },
  },
  hashed: { more: required, validation: { verify_certificate_hash: [hashOf('client')] } },
  'key-hashed': {
    more: required,
    validation: { trusted_ca: authority, verify_certificate_spki: [keyHashOf('visitor')] },
  },
  revoking: { more: required, validation: { trusted_ca: authority, crl: revocations } },
  other: { more: required, validation: { trusted_ca: otherAuthority } },
  ageless: { more: required, validation: { trusted_ca: authority, allow_expired_certificate: true } },
  'other-ageless': { more: required, validation: { trusted_ca: otherAuthority, allow_expired_certificate: true } },
  'named-ageless': {
    more: required,
    validation: { trusted_ca: authority, allow_expired_certificate: true, ...named('URI', client) },
  },
};

const everybody = ['client', 'visitor', 'revoked', 'stranger', 'expired', 'nameless'];

const logFormat = [
  'CODE',
  'SERVER',
  ...['SUBJECT', 'ISSUER', 'SERIAL', 'FINGERPRINT_256', 'FINGERPRINT_1', 'URI_SAN', 'DNS_SAN', 'IP_SAN', 'EMAIL_SAN'],
  ...['CERT', 'CERT_V_START', 'CERT_V_END', 'CERT_V_END(%Y)'],
]
  .map(name => {
    if (name === 'CODE') return '%RESPONSE_CODE%';
    return name === 'SERVER' ? '%REQUESTED_SERVER_NAME%' : `%DOWNSTREAM_PEER_${name}%`;
  })
  .join(' ');

const listener = (ports: Ports, chains: Json[]): Json => ({
  ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener) },
  ...{ listener_filters: [inspector], filter_chains: chains },
});

export const mutualTls: Scenario = {
  name: 'certificates of clients',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        listener(
          ports,
          Object.entries(demands).map(([name, demand]) =>
            chain(name, { server_names: [name] }, served({ certificates: ['one'], ...demand }), {
              access_log: [fileLog(log, `${logFormat}\n`)],
            }),
          ),
        ),
      ],
      clusters: [cluster('echo', [ports.raw])],
    },
  }),
  steps: [
    ...Object.keys(demands).flatMap((name): Step[] => [
      secured('/own', { name }),
      ...everybody.map(identity => secured('/own', { name, identity })),
    ]),
    ...['required', 'optional'].flatMap(name =>
      ['client', 'stranger'].map(identity => secured('/own', { name, identity, maxVersion: 'TLSv1.2' })),
    ),
    accessLog(55),
    handshakes('listener.main'),
  ],
};

const modes = ['SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY'];
const everything = { subject: true, cert: true, chain: true, dns: true, uri: true };

/** x-forwarded-client-cert, as the upstream sees it. */
export const forwardedCertificates: Scenario = {
  name: 'certificates told to upstreams',
  config: ports => {
    const optional = (local: string) => served({ certificates: [local], validation: { trusted_ca: authority } });
    const kinds: [string, string, Json][] = [
      ...modes.map((mode): [string, string, Json] => [
        mode.toLowerCase().replaceAll('_', '-'),
        'one',
        { forward_client_cert_details: mode, set_current_client_cert_details: everything },
      ]),
      ['plain', 'one', { forward_client_cert_details: 'SANITIZE_SET' }],
      [
        'by',
        'client',
        { forward_client_cert_details: 'APPEND_FORWARD', set_current_client_cert_details: { uri: true, dns: true } },
      ],
    ];
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          listener(
            ports,
            kinds.map(([name, local, manager]) => chain(name, { server_names: [name] }, optional(local), manager)),
          ),
        ],
        clusters: [cluster('echo', [ports.raw])],
      },
    };
  },
  steps: [
    ...[...modes.map(mode => mode.toLowerCase().replaceAll('_', '-')), 'plain', 'by'].flatMap(name => [
      secured('/echo', { name }),
      secured('/echo', { name }, ['a: 1', 'x-forwarded-client-cert: Hash=before', 'b: 2']),
      secured('/echo', { name, identity: 'client' }, ['a: 1', 'x-forwarded-client-cert: Hash=before', 'b: 2']),
      secured('/echo', { name, identity: 'client' }),
    ]),
    secured('/echo', { name: 'sanitize-set', identity: 'nameless' }),
    secured('/echo', { name: 'sanitize-set', identity: 'visitor' }),
    secured('/echo', { name: 'sanitize-set', identity: 'client', along: 'authority' }),
    secured('/echo', { name: 'append-forward', identity: 'visitor' }, [
      'x-forwarded-client-cert: Hash=a',
      'x-forwarded-client-cert: Hash=b',
    ]),
  ],
};

/** Rules that go by certificates and names. */
export const certificateRules: Scenario = {
  name: 'access by certificate',
  config: ports => {
    const rules: Record<string, Json> = {
      anybody: { principals: [{ authenticated: {} }] },
      uri: { principals: [{ authenticated: { principal_name: { exact: client } } }] },
      dns: { principals: [{ authenticated: { principal_name: { exact: 'client.example.org' } } }] },
      subject: { principals: [{ authenticated: { principal_name: { exact: 'CN=nameless,O=Example' } } }] },
      'subject-of-named': { principals: [{ authenticated: { principal_name: { prefix: 'CN=visitor' } } }] },
    };
    const filter = (policy: Json): Json => ({
      http_filters: [
        {
          name: 'rbac',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
            rules: { policies: { only: { permissions: [{ any: true }], ...policy } } },
          },
        },
        {
          name: 'router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
    });
    const byName = {
      permissions: [{ requested_server_name: { exact: 'named' } }],
      principals: [{ any: true }],
    };
    const optional = served({ certificates: ['one'], validation: { trusted_ca: authority } });
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          listener(ports, [
            ...Object.entries(rules).map(([name, policy]) =>
              chain(name, { server_names: [name] }, optional, filter(policy)),
            ),
            chain('named', { server_names: ['named', 'unnamed'] }, optional, filter(byName)),
          ]),
        ],
        clusters: [cluster('echo', [ports.raw])],
      },
    };
  },
  steps: [
    ...['anybody', 'uri', 'dns', 'subject', 'subject-of-named'].flatMap(name => [
      secured('/own', { name }),
      ...['client', 'visitor', 'nameless'].map(identity => secured('/own', { name, identity })),
    ]),
    secured('/own', { name: 'named' }),
    secured('/own', { name: 'unnamed' }),
  ],
};
