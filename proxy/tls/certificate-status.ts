/** What the admin interface tells of the certificates in use. */
import type { CertificateStatus, CertificatesStatus } from '../admin-source.ts';
import { Certificate } from './certificate.ts';
import type { TlsContext } from './tls-context.ts';

export function certificatesOf({ identities, verification: { ca, caPath } }: TlsContext): CertificatesStatus {
  return {
    authorities: ca === undefined ? [] : [statusOf(Certificate.parse(ca), caPath)],
    own: identities.flatMap(({ certificate, path }) => (certificate ? statusOf(certificate, path) : [])),
  };
}

function statusOf({ serial, names, validFrom, validTo }: Certificate, path: string): CertificateStatus {
  return { path, serial, names, validFrom, validTo };
}
