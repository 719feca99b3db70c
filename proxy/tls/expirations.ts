/** When the certificates of a context expire, as statistics. */
import { createHash } from 'node:crypto';
import type { DataSource } from '../api/envoy/config/core/v3/base_pb.js';
import { type StatsScope, sanitizeStatsName } from '../stats/store.ts';
import type { Certificate } from './certificate.ts';
import type { TlsContext } from './tls-context.ts';

/** What Envoy shows where there is no certificate that could expire. */
const never = 2n ** 63n - 1n;

/** Certificates of one name share a gauge, which tells of the one that was loaded last, as in Envoy. */
export function showExpirations({ identities, verification }: TlsContext, scope: StatsScope): void {
  const show = (name: string, certificate: Certificate | undefined): void => {
    const gauge = scope.gauge(`ssl.certificate.${sanitizeStatsName(name)}.expiration_unix_time_seconds`);
    gauge.setExact(certificate === undefined ? never : BigInt(certificate.validTo.getTime()) / 1000n);
  };
  for (const { name, certificate } of identities) if (certificate !== undefined) show(name, certificate);
  if (verification.name !== undefined) show(verification.name, verification.authority);
}

/**
 * What a certificate is called in statistics.
 * @param secret the name of the secret that brings it; undefined or '': it is part of the configuration
 */
export function statisticsName(kind: 'cert' | 'ca_cert', source: DataSource | undefined, secret?: string): string {
  if (secret) return secret;
  if (source === undefined) return `unnamed_${kind}`;
  // Envoy goes by what stands inline as bytes: all the others are of one name.
  const bytes = source.specifier.case === 'inlineBytes' ? source.specifier.value : new Uint8Array();
  return `unnamed_${kind}_${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}`;
}
