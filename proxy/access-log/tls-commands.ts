/** Operators that print what the handshakes of a request's two connections told. */
import type { StreamInfo } from '../stream-info.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { NameKind } from '../tls/subject-alt-names.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import { type Compiler, text } from './command.ts';
import { compileTime } from './time-format.ts';

/** One of the certificates of a request's two connections. */
type CertificateOf = (info: StreamInfo) => Certificate | undefined;

const clientCertificate: CertificateOf = ({ tls }) => tls?.peer;
const clientIssuer: CertificateOf = ({ tls }) => tls?.issuer?.();
const localCertificate: CertificateOf = ({ tls }) => tls?.local;
const hostCertificate: CertificateOf = ({ upstreamTls }) => upstreamTls?.peer;
const ownCertificate: CertificateOf = ({ upstreamTls }) => upstreamTls?.local;

/** What a certificate says of itself; nothing where none was shown. */
const certificate =
  (of: CertificateOf, read: (certificate: Certificate) => string): Compiler =>
  () =>
  info => {
    const found = of(info);
    return (found && read(found)) || undefined;
  };

const certificateTime =
  (of: CertificateOf, read: (certificate: Certificate) => Date): Compiler =>
  argument => {
    const format = compileTime(argument);
    return info => {
      const found = of(info);
      return found && format(read(found).getTime());
    };
  };

/** `…_URI_SAN` and so on of one certificate. */
function nameCommands(prefix: string, of: CertificateOf, kinds: Record<string, NameKind>): Record<string, Compiler> {
  return Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      `${prefix}_${name}_SAN`,
      certificate(of, found => found.namesOf(kind).join(',')),
    ]),
  );
}

const upstreamKinds: Record<string, NameKind> = { URI: 'uri', DNS: 'dns', IP: 'ip' };
const downstreamKinds: Record<string, NameKind> = { ...upstreamKinds, EMAIL: 'email', OTHERNAME: 'other' };

/** Of all that the client showed. */
const ofChain = (read: (one: Certificate) => string): Compiler =>
  certificate(clientCertificate, found => found.chain.map(read).join(','));

/** `…_TLS_VERSION` and so on of one side. */
function handshakeCommands(side: string, of: (info: StreamInfo) => TlsFacts | undefined): Record<string, Compiler> {
  return {
    [`${side}_TLS_VERSION`]: text(info => of(info)?.version ?? ''),
    [`${side}_TLS_CIPHER`]: text(info => of(info)?.cipher ?? ''),
    [`${side}_TLS_GROUP`]: text(info => of(info)?.group ?? ''),
    [`${side}_TLS_SESSION_ID`]: text(info => of(info)?.sessionId ?? ''),
  };
}

export const tlsCommands: Record<string, Compiler> = {
  ...handshakeCommands('DOWNSTREAM', ({ tls }) => tls),
  ...handshakeCommands('UPSTREAM', ({ upstreamTls }) => upstreamTls),
  TLS_JA3_FINGERPRINT: text(({ ja3 }) => ja3),
  TLS_JA4_FINGERPRINT: text(({ ja4 }) => ja4),
  UPSTREAM_SERVER_NAME: text(({ upstreamTls }) => upstreamTls?.serverName ?? ''),
  ...nameCommands('DOWNSTREAM_PEER', clientCertificate, downstreamKinds),
  ...nameCommands('DOWNSTREAM_LOCAL', localCertificate, downstreamKinds),
  ...nameCommands('UPSTREAM_PEER', hostCertificate, upstreamKinds),
  ...nameCommands('UPSTREAM_LOCAL', ownCertificate, upstreamKinds),
  UPSTREAM_PEER_SUBJECT: certificate(hostCertificate, ({ subject }) => subject),
  UPSTREAM_PEER_CERT_V_START: certificateTime(hostCertificate, ({ validFrom }) => validFrom),
  UPSTREAM_PEER_CERT_V_END: certificateTime(hostCertificate, ({ validTo }) => validTo),
  UPSTREAM_PEER_ISSUER: certificate(hostCertificate, ({ issuer }) => issuer),
  UPSTREAM_PEER_CERT: certificate(hostCertificate, ({ encodedPem }) => encodedPem),
  DOWNSTREAM_PEER_SUBJECT: certificate(clientCertificate, ({ subject }) => subject),
  DOWNSTREAM_LOCAL_SUBJECT: certificate(localCertificate, ({ subject }) => subject),
  DOWNSTREAM_PEER_ISSUER: certificate(clientCertificate, ({ issuer }) => issuer),
  DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: certificate(clientIssuer, ({ fingerprint256 }) => fingerprint256),
  DOWNSTREAM_PEER_ISSUER_SERIAL: certificate(clientIssuer, ({ serial }) => serial),
  DOWNSTREAM_PEER_SERIAL: certificate(clientCertificate, ({ serial }) => serial),
  DOWNSTREAM_PEER_FINGERPRINT_256: certificate(clientCertificate, ({ fingerprint256 }) => fingerprint256),
  DOWNSTREAM_PEER_FINGERPRINT_1: certificate(clientCertificate, ({ fingerprint1 }) => fingerprint1),
  DOWNSTREAM_PEER_CERT: certificate(clientCertificate, ({ encodedPem }) => encodedPem),
  DOWNSTREAM_PEER_CERT_V_START: certificateTime(clientCertificate, ({ validFrom }) => validFrom),
  DOWNSTREAM_PEER_CERT_V_END: certificateTime(clientCertificate, ({ validTo }) => validTo),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: ofChain(({ fingerprint256 }) => fingerprint256),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1: ofChain(({ fingerprint1 }) => fingerprint1),
  DOWNSTREAM_PEER_CHAIN_SERIALS: ofChain(({ serial }) => serial),
};
