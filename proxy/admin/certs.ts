/** /certs: envoy.admin.v3.Certificates, and how long the first of them lasts. */
import type { CertificateStatus, CertificatesStatus } from '../admin-source.ts';
import { type AdminReply, json } from './reply.ts';

const dayMs = 86_400_000;

export function handleCerts(certificates: Iterable<CertificatesStatus>): AdminReply {
  return json({
    certificates: [...certificates].map(({ authorities, own }) => ({
      ca_cert: authorities.map(describe),
      cert_chain: own.map(describe),
    })),
  });
}

const nameFields: Record<string, string> = { dns: 'dns', uri: 'uri', ip: 'ip_address' };

function describe({ path, serial, names, validFrom, validTo }: CertificateStatus): object {
  return {
    path,
    serial_number: serial,
    subject_alt_names: names
      .filter(({ kind }) => nameFields[kind] !== undefined)
      .map(({ kind, value }) => ({ [nameFields[kind]!]: value })),
    days_until_expiration: String(daysLeft(validTo)),
    valid_from: seconds(validFrom),
    expiration_time: seconds(validTo),
  };
}

const seconds = (date: Date): string => date.toISOString().replace('.000', '');

const daysLeft = (date: Date): number => Math.max(0, Math.floor((date.getTime() - Date.now()) / dayMs));

const never = 2 ** 32 - 1;

/** Days until the first of the certificates is no longer good; as many as fit where there is none. */
export function daysUntilFirstExpires(certificates: Iterable<CertificatesStatus>): number {
  const all = [...certificates].flatMap(({ authorities, own }) => [...authorities, ...own]);
  return Math.min(never, ...all.map(({ validTo }) => daysLeft(validTo)));
}
