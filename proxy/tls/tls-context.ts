/** What both sides of a handshake take from a CommonTlsContext: certificates, versions, suites. */
import { constants } from 'node:crypto';
import {
  createSecureContext,
  getCiphers,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
} from 'node:tls';
import { TlsParameters_TlsProtocol as Protocol } from '../api/enums.js';
import type { DataSource } from '../api/envoy/config/core/v3/base_pb.js';
import type { TlsCertificate, TlsParameters } from '../api/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CommonTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { describeDataSource, readDataSource, UnreadableSource } from '../data-source.ts';
import { Certificate } from './certificate.ts';
import { PeerVerification } from './peer-verification.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';

/** A certificate to show, with the context that shows it. */
export interface Identity {
  certificate: Certificate | undefined;
  /** Where it comes from. */
  path: string;
  context: SecureContext;
}

export interface TlsContext {
  /** At least one; a client without a certificate has one that shows none. */
  identities: readonly Identity[];
  verification: PeerVerification;
  applicationProtocols: readonly string[];
}

/**
 * Reads and compiles what is needed for handshakes.
 * @throws TlsConfigurationError, UnreadableSource
 */
export function compileTlsContext(common: CommonTlsContext | undefined, side: 'server' | 'client'): TlsContext {
  const validation = common?.validationContextType;
  const verification = new PeerVerification(validation?.case === 'validationContext' ? validation.value : undefined);
  const certificates = common?.tlsCertificates ?? [];
  if (certificates.length === 0 && side === 'server' && !common?.tlsCertificateSdsSecretConfigs.length)
    throw new TlsConfigurationError('No TLS certificates found for server context');
  if (certificates.length > 1 && side === 'client')
    throw new TlsConfigurationError('Multiple TLS certificates are not supported for client contexts');
  checkRevocations(verification);
  const shared = { ...parameterOptions(common?.tlsParams, side), ...trustOptions(verification) };
  const identities =
    certificates.length === 0
      ? [{ certificate: undefined, path: '', context: secureContext(shared) }]
      : certificates.map(one => identityOf(one, shared));
  return { identities, verification, applicationProtocols: common?.alpnProtocols ?? [] };
}

function checkRevocations({ crl, crlPath }: PeerVerification): void {
  if (crl !== undefined) secureContext({ crl }, () => `Failed to load CRL from ${crlPath}`);
}

function trustOptions({ ca, crl }: PeerVerification): SecureContextOptions {
  // Without a list Node trusts every authority of the web.
  return { ca: ca ?? [], ...(crl && { crl }), allowPartialTrustChain: true };
}

const versions: Record<number, SecureVersion> = { [Protocol.TLSv1_2]: 'TLSv1.2', [Protocol.TLSv1_3]: 'TLSv1.3' };

/** Envoy's own, the strongest of each kind first. */
const defaultSuites = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

/** Those of TLS 1.3 are not a matter of configuration. */
const fixedSuites = ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'];

function parameterOptions(parameters: TlsParameters | undefined, side: 'server' | 'client'): SecureContextOptions {
  const suites = parameters?.cipherSuites.length ? flatten(parameters.cipherSuites) : defaultSuites;
  refuseUnknownSuites(suites);
  const curves = parameters?.ecdhCurves.length ? parameters.ecdhCurves : ['X25519', 'P-256'];
  refuseUnknownCurves(curves);
  const [minimum, maximum] = [parameters?.tlsMinimumProtocolVersion, parameters?.tlsMaximumProtocolVersion];
  const minVersion = versions[minimum ?? 0] ?? 'TLSv1.2';
  // A client that was not told otherwise does not go beyond 1.2, as in Envoy.
  const maxVersion = versions[maximum ?? 0] ?? (side === 'server' ? 'TLSv1.3' : 'TLSv1.2');
  if (minVersion > maxVersion)
    throw new TlsConfigurationError(`tls_minimum_protocol_version ${minVersion} is above ${maxVersion}, the maximum`);
  return {
    minVersion,
    maxVersion,
    ciphers: [...fixedSuites, ...suites].join(':'),
    honorCipherOrder: true,
    // Nobody looks at what a second handshake shows.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ecdhCurve: curves.join(':'),
  };
}

/** `[A|B]` are of one rank for BoringSSL, which OpenSSL does not know: here the first comes first. */
function flatten(suites: readonly string[]): string[] {
  return suites.flatMap(suite => suite.split(/[[\]|:]/)).filter(suite => suite !== '');
}

function refuseUnknownSuites(suites: readonly string[]): void {
  const known = new Set(getCiphers());
  const unknown = suites.filter(suite => !known.has(suite.toLowerCase()));
  if (unknown.length === 0) return;
  const tried = `The following ciphers were rejected when tried individually: ${unknown.join(', ')}`;
  throw new TlsConfigurationError(`Failed to initialize cipher suites ${suites.join(':')}. ${tried}`);
}

function refuseUnknownCurves(curves: readonly string[]): void {
  try {
    createSecureContext({ ecdhCurve: curves.join(':') });
  } catch {
    throw new TlsConfigurationError(`Failed to initialize ECDH curves ${curves.join(':')}`);
  }
}

function identityOf(source: TlsCertificate, shared: SecureContextOptions): Identity {
  const [cert, key] = [readable(source.certificateChain), readable(source.privateKey)];
  const path = describeDataSource(source.certificateChain);
  const keyPath = describeDataSource(source.privateKey);
  if (cert === undefined)
    throw new TlsConfigurationError(`Failed to load incomplete certificate from ${path}: certificate chain not set`);
  if (key === undefined) throw new TlsConfigurationError(`Failed to load incomplete private key from path: ${keyPath}`);
  const passphrase = readDataSource(source.password)?.toString('utf8').replace(/\n$/, '');
  const certificate = parsed(cert, path);
  const keyOptions = { key, ...(passphrase !== undefined && { passphrase }) };
  const describe = (error: unknown) => `Failed to load private key from ${keyPath}, Cause: ${causeOf(error)}`;
  return { certificate, path, context: secureContext({ ...shared, cert, ...keyOptions }, describe) };
}

/** A file that is not there is told by what it leaves out, as in Envoy. */
function readable(source: DataSource | undefined): Buffer | undefined {
  try {
    return readDataSource(source);
  } catch (error) {
    if (error instanceof UnreadableSource) return undefined;
    throw error;
  }
}

function parsed(pem: Buffer, path: string): Certificate {
  try {
    return Certificate.parse(pem);
  } catch {
    throw new TlsConfigurationError(`Failed to load certificate chain from ${path}`);
  }
}

function secureContext(options: SecureContextOptions, describe = causeOf): SecureContext {
  try {
    // A session is only taken up where it began.
    return createSecureContext({ ...options, sessionIdContext: 'unicorn' });
  } catch (error) {
    throw new TlsConfigurationError(describe(error));
  }
}

/** How BoringSSL says it. */
const causes: Record<string, string> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH',
  ERR_OSSL_UNSUPPORTED: 'error:0900006e:PEM routines:OPENSSL_internal:NO_START_LINE',
};

function causeOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return causes[code] ?? message;
}
