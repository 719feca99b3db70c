import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigurationError } from './errors.ts';
import { loadConfiguration } from './load.ts';

type Json = Record<string, unknown>;

const file = (name: string) => ({ filename: join(import.meta.dirname, '../../test/fixtures/tls', name) });
const shown = (certificate: string, key = certificate): Json => ({
  tls_certificates: [{ certificate_chain: file(`${certificate}.pem`), private_key: file(`${key}.key`) }],
});
/** A certificate with a response for it that is in a file, or stands there. */
const stapled = (staple: string | Json): Json => ({
  tls_certificates: [
    {
      certificate_chain: file('one.pem'),
      private_key: file('one.key'),
      ocsp_staple: typeof staple === 'string' ? file(staple) : staple,
    },
  ],
});
const judged = (validation: Json): Json => ({ ...shown('one'), validation_context: validation });
const names = (...matchers: Json[]): Json => ({ match_typed_subject_alt_names: matchers });
const socket = (side: string, common: Json, more: Json = {}): Json => ({
  name: 'tls',
  typed_config: {
    '@type': `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${side}TlsContext`,
    common_tls_context: common,
    ...more,
  },
});
const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };

const manager = {
  name: 'manager',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'a',
    route_config: {},
  },
};

/** A configuration with these in its filter chain and its cluster. */
function configuration(chain: Json, cluster: Json): string {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }];
  return JSON.stringify({
    static_resources: {
      listeners: [{ address, filter_chains: [{ filters: [manager], ...chain }] }],
      clusters: [{ name: 'a', load_assignment: { cluster_name: 'a', endpoints }, ...cluster }],
    },
  });
}

const served = (common: Json, more: Json = {}): Json => ({ transport_socket: socket('Downstream', common, more) });
const spoken = (common: Json, more: Json = {}): Json => ({ transport_socket: socket('Upstream', common), ...more });

const refusals: [name: string, chain: Json, cluster: Json, reason: RegExp][] = [
  ['no certificate', served({}), {}, /common_tls_context: No TLS certificates found for server context/],
  [
    'a key that does not fit',
    served(shown('one', 'two')),
    {},
    /common_tls_context: Failed to load private key from .*two\.key, Cause: .*KEY_VALUES_MISMATCH/,
  ],
  [
    'a response for another certificate',
    served(stapled('stapled.ocsp')),
    {},
    /common_tls_context: OCSP response does not match its TLS certificate/,
  ],
  ['a certificate that demands one', served(shown('must-staple')), {}, /OCSP response is required for must-staple/],
  [
    'a policy that demands one',
    served(shown('one'), { ocsp_staple_policy: 'MUST_STAPLE' }),
    {},
    /Required OCSP response is missing/,
  ],
  [
    'a response as text',
    served(stapled({ inline_string: 'a' })),
    {},
    /OCSP staple cannot be provided via inline_string/,
  ],
  [
    'expired certificates of nobody',
    served(judged({ allow_expired_certificate: true })),
    {},
    /Certificate validity period is always ignored without trusted CA/,
  ],
  [
    'expired certificates along with a list',
    served(
      judged({ trusted_ca: file('authority.pem'), crl: file('revoked-list.pem'), allow_expired_certificate: true }),
    ),
    {},
    /allow_expired_certificate without a crl/,
  ],
  [
    'keys for a folder that is not there',
    served({ ...shown('one'), key_log: { path: '/nowhere/keys' } }),
    {},
    /unable to open file '\/nowhere\/keys': No such file or directory/,
  ],
  [
    'unknown signatures',
    served({ ...shown('one'), tls_params: { signature_algorithms: ['nonsense'] } }),
    {},
    /Failed to initialize TLS signature algorithms nonsense/,
  ],
  [
    "a curve in OpenSSL's words",
    served({ ...shown('one'), tls_params: { ecdh_curves: ['*X25519'] } }),
    {},
    /Failed to initialize ECDH curves \*X25519/,
  ],
  [
    'a certificate that is not there',
    served(shown('nowhere')),
    {},
    /Failed to load incomplete certificate from .*nowhere\.pem: certificate chain not set/,
  ],
  [
    'names that nobody vouches for',
    served(judged(names({ san_type: 'DNS', matcher: { exact: 'a' } }))),
    {},
    /SAN-based verification of peer certificates without trusted CA is insecure and not allowed/,
  ],
  [
    'a name of no kind',
    served(judged({ trusted_ca: file('authority.pem'), ...names({ matcher: { exact: 'a' } }) })),
    {},
    /SubjectAltNameMatcherValidationError\.SanType: value must not be in list \[0\]/,
  ],
  [
    'revocations of nobody',
    served(judged({ crl: file('revoked-list.pem') })),
    {},
    /Failed to load CRL from .*revoked-list\.pem without trusted CA/,
  ],
  [
    'a suite that is none',
    served({ ...shown('one'), tls_params: { cipher_suites: ['[ECDHE-ECDSA-AES128-GCM-SHA256|NONE]'] } }),
    {},
    /The following ciphers were rejected when tried individually: NONE/,
  ],
  [
    'the context of the other side',
    { transport_socket: socket('Upstream', {}) },
    {},
    /filter_chains\[0\]\.transport_socket: Didn't find a registered implementation for 'tls' with type URL: '.*UpstreamTlsContext'/,
  ],
  [
    'two certificates towards hosts',
    {},
    spoken({ tls_certificates: ['one', 'two'].flatMap(name => shown(name).tls_certificates) }),
    /clusters\[0\]\.transport_socket\.typed_config\.common_tls_context: Multiple TLS certificates are not supported/,
  ],
  [
    'the other side’s socket for some hosts',
    {},
    { transport_socket_matches: [{ name: 'some', match: { a: 'b' }, ...served(shown('one')) }] },
    /transport_socket_matches\[0\]\.transport_socket: Didn't find a registered implementation for 'tls' with type URL: '.*DownstreamTlsContext'/,
  ],
];

const load = (text: string) => loadConfiguration({ yaml: text });

for (const [name, chain, cluster, reason] of refusals)
  test(`TLS that is refused: ${name}`, () => {
    assert.throws(
      () => load(configuration(chain, cluster)),
      error => error instanceof ConfigurationError && reason.test(error.message),
    );
  });

test('TLS on both sides', () => {
  const validation = { trusted_ca: file('authority.pem'), crl: file('revoked-list.pem') };
  load(configuration(served(judged(validation)), spoken({ ...judged(validation), alpn_protocols: ['http/1.1'] })));
});
