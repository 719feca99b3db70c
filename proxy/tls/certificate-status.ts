/** What the admin interface tells of the certificates in use. */
import type { CertificateStatus, CertificatesStatus } from '../admin-source.ts';
import type { Certificate } from './certificate.ts';
import type { TlsContext } from './tls-context.ts';

export function certificatesOf({ identities, verification: { authority, caPath } }: TlsContext): CertificatesStatus {
  return {
    authorities: authority === undefined ? [] : [statusOf(authority, caPath)],
    own: identities.flatMap(({ certificate, path }) => (certificate ? statusOf(certificate, path) : [])),
  };
}

function statusOf({ serial, names, validFrom, validTo }: Certificate, path: string): CertificateStatus {
  return { path, serial, names, validFrom, validTo };
}
