/** Trust that does not end with time: OpenSSL says of a certificate that is not valid now no more than that, so the rest is looked at here. */
import { X509Certificate } from 'node:crypto';

/** What a certificate has to be for, by the side that shows it. */
export const purpose = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;

/** The extension by which an authority is one for some names only: which names, only OpenSSL knows. */
const nameConstraints = Buffer.from('0603551d1e', 'hex');

const pemBlock = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** All certificates of a PEM text that can be read. */
export function authoritiesOf(pem: Buffer): X509Certificate[] {
  return (pem.toString('latin1').match(pemBlock) ?? []).flatMap(block => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

/**
 * Whether a certificate would be trusted at another time: it is one of the authorities, or one of them has signed it. One that is signed by what its
 * holder shows along with it is not trusted here, though it may be in Envoy.
 */
export function isTrustedAtSomeTime(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  wanted: (typeof purpose)[keyof typeof purpose],
): boolean {
  const purposes = certificate.keyUsage as readonly string[] | undefined;
  if (purposes !== undefined && !purposes.includes(wanted)) return false;
  return authorities.some(authority => {
    if (authority.raw.equals(certificate.raw)) return true;
    if (!authority.ca || authority.raw.includes(nameConstraints)) return false;
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  });
}
