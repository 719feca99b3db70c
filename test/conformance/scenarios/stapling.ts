/** What authorities say of certificates, shown along with them (OCSP), and which certificate that leads to. */
import type { Scenario } from '../scenario.ts';
import { address, cluster } from './configuration.ts';
import { chain, inspector } from './tls.ts';
import { certificate, file, handshakes, secured, served } from './tls-steps.ts';

type Json = Record<string, unknown>;

/** A context whose certificates have these responses; undefined: none. */
const stapling = (certificates: [name: string, staple: string | undefined][], policy?: string, more: Json = {}): Json =>
  served({
    common: {
      tls_certificates: certificates.map(([name, staple]) => ({
        ...certificate(name),
        ...(staple && { ocsp_staple: file(staple) }),
      })),
    },
    more: { ...(policy && { ocsp_staple_policy: policy }), ...more },
  });

const contexts: Record<string, Json> = {
  plain: stapling([['one', undefined]]),
  lenient: stapling([['stapled', 'stapled.ocsp']]),
  'lenient-stale': stapling([['stapled', 'stale.ocsp']], 'LENIENT_STAPLING'),
  strict: stapling([['stapled', 'stapled.ocsp']], 'STRICT_STAPLING'),
  'strict-stale': stapling([['stapled', 'stale.ocsp']], 'STRICT_STAPLING'),
  'strict-none': stapling([['stapled', undefined]], 'STRICT_STAPLING'),
  must: stapling([['stapled', 'stapled.ocsp']], 'MUST_STAPLE'),
  'must-stale': stapling([['stapled', 'stale.ocsp']], 'MUST_STAPLE'),
  feature: stapling([['must-staple', 'must-staple.ocsp']]),
  'stale-first': stapling(
    [
      ['stapled', 'stale.ocsp'],
      ['must-staple', 'must-staple.ocsp'],
    ],
    'STRICT_STAPLING',
    { full_scan_certs_on_sni_mismatch: true },
  ),
};

const names = Object.keys(contexts);

export const stapledResponses: Scenario = {
  name: 'stapled responses',
  config: ports => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
          filter_chains: Object.entries(contexts).map(([name, context]) =>
            chain(name, { server_names: [name] }, context),
          ),
        },
      ],
      clusters: [cluster('echo', [ports.raw])],
    },
  }),
  steps: [
    ...names.flatMap(name => [
      secured('/own', { name, requestOCSP: true }),
      secured('/own', { name, requestOCSP: true, maxVersion: 'TLSv1.2' }),
      secured('/own', { name }),
    ]),
    handshakes('listener.main'),
  ],
};
