/** What both sides of a handshake take from a CommonTlsContext: certificates, versions, suites. */
import { constants } from 'node:crypto';
import {
  createSecureContext,
  getCiphers,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type Server,
} from 'node:tls';
import { TlsParameters_TlsProtocol as Protocol } from '../api/enums.js';
import type { DataSource } from '../api/envoy/config/core/v3/base_pb.js';
import type { TlsCertificate, TlsParameters } from '../api/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CommonTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { describeDataSource, readDataSource, UnreadableSource } from '../data-source.ts';
import { Certificate } from './certificate.ts';
import { companionOf } from './companion.ts';
import { statisticsName } from './expirations.ts';
import { PeerVerification } from './peer-verification.ts';
import { takeOlderTickets, ticketKeysFor } from './session-tickets.ts';
import { readStaple, type StapledResponse } from './stapled-response.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';

/** A certificate to show, with the context that shows it. */
export interface Identity {
  /** In statistics. */
  name: string;
  certificate: Certificate | undefined;
  /** What its authority says of it. */
  staple: StapledResponse | undefined;
  /** What Node asks of it while it is shown. */
  companion: Server | undefined;
  /** Where it comes from. */
  path: string;
  context: SecureContext;
}

export interface TlsContext {
  /** At least one; a client without a certificate has one that shows none. */
  identities: readonly Identity[];
  verification: PeerVerification;
  applicationProtocols: readonly string[];
  /** Of the versions before 1.3. */
  suites: readonly string[];
  newest: boolean;
}

/** What only servers are told. */
export interface ServerSettings {
  /** That all workers share; undefined: nobody else takes up sessions that begin here. */
  ticketSecret?: Uint8Array | undefined;
  /** What tickets are sealed by, the newest first, where the configuration says it: others may know it too. */
  ticketKeys?: readonly Uint8Array[] | undefined;
  /** Among the suites before 1.3 the client chooses. */
  clientChooses?: boolean | undefined;
  /** No certificate goes without a word of its authority. */
  demandsStaples: boolean;
  /** How long a session may be taken up; undefined: as long as the library says. */
  sessionTimeoutSeconds: number | undefined;
  /** Sessions are not kept by clients. */
  withoutTickets: boolean;
  /** Sessions are not kept here. */
  withoutIds: boolean;
}

/** Of the secrets that parts of a context come by; '' where one is written in the configuration. */
export interface SecretNames {
  certificates: readonly string[];
  validation: string;
}

/**
 * Reads and compiles what is needed for handshakes.
 * @throws TlsConfigurationError, UnreadableSource
 */
export function compileTlsContext(
  common: CommonTlsContext | undefined,
  side: 'server' | 'client',
  settings?: ServerSettings,
  secretNames: SecretNames = { certificates: [], validation: '' },
): TlsContext {
  const type = common?.validationContextType;
  const validation = type?.case === 'validationContext' ? type.value : undefined;
  const verification = new PeerVerification(validation, secretNames.validation);
  const certificates = common?.tlsCertificates ?? [];
  if (certificates.length === 0 && side === 'server' && !common?.tlsCertificateSdsSecretConfigs.length)
    throw new TlsConfigurationError('No TLS certificates found for server context');
  if (certificates.length > 1 && side === 'client')
    throw new TlsConfigurationError('Multiple TLS certificates are not supported for client contexts');
  checkRevocations(verification);
  const parameters = parameterOptions(common?.tlsParams, side);
  const shared = { ...parameters, ...trustOptions(verification), ...sessionOptions(settings) };
  const identities =
    certificates.length === 0
      ? [
          {
            name: '',
            certificate: undefined,
            staple: undefined,
            companion: undefined,
            path: '',
            context: secureContext(shared),
          },
        ]
      : certificates.map((one, index) => ({
          name: statisticsName('cert', one.certificateChain, secretNames.certificates[index]),
          ...identityOf(one, shared, settings),
        }));
  return {
    identities,
    verification,
    applicationProtocols: common?.alpnProtocols ?? [],
    suites: suitesOf(common?.tlsParams),
    newest: parameters.maxVersion === 'TLSv1.3',
  };
}

/** What is said of renegotiation and of sessions goes by one set of flags. */
function sessionOptions(settings: ServerSettings | undefined): SecureContextOptions {
  // Nobody looks at what a second handshake shows.
  const flags = constants.SSL_OP_NO_RENEGOTIATION;
  return {
    secureOptions: settings?.withoutTickets ? flags | constants.SSL_OP_NO_TICKET : flags,
    ...(settings?.clientChooses && { honorCipherOrder: false }),
    ...(settings?.sessionTimeoutSeconds !== undefined && { sessionTimeout: settings.sessionTimeoutSeconds }),
  };
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

/**
 * Those of TLS 1.3 are not a matter of configuration. Where BoringSSL serves, the client's order counts, which OpenSSL knows for all suites only: here is
 * what most clients come to.
 */
const fixedSuites = {
  server: ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'],
  client: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
} as const;

/** Envoy's own. A star is for those that a client has made keys for in its first message. */
const defaultCurves = {
  server: ['X25519MLKEM768', 'X25519', 'P-256'],
  client: ['*X25519MLKEM768', '*X25519', 'P-256'],
} as const;

function parameterOptions(parameters: TlsParameters | undefined, side: 'server' | 'client'): SecureContextOptions {
  const suites = suitesOf(parameters);
  refuseUnknownSuites(suites);
  const curves = parameters?.ecdhCurves.length ? parameters.ecdhCurves : defaultCurves[side];
  if (parameters !== undefined) refuseUnknownCurves(parameters.ecdhCurves);
  const algorithms = parameters?.signatureAlgorithms ?? [];
  refuseUnknownAlgorithms(algorithms);
  const [minimum, maximum] = [parameters?.tlsMinimumProtocolVersion, parameters?.tlsMaximumProtocolVersion];
  const minVersion = versions[minimum ?? 0] ?? 'TLSv1.2';
  // A client that was not told otherwise does not go beyond 1.2, as in Envoy.
  const maxVersion = versions[maximum ?? 0] ?? (side === 'server' ? 'TLSv1.3' : 'TLSv1.2');
  if (minVersion > maxVersion)
    throw new TlsConfigurationError(`tls_minimum_protocol_version ${minVersion} is above ${maxVersion}, the maximum`);
  return {
    minVersion,
    maxVersion,
    ciphers: [...fixedSuites[side], ...suites].join(':'),
    honorCipherOrder: true,
    ecdhCurve: curves.join(':'),
    ...(algorithms.length > 0 && { sigalgs: algorithms.join(':') }),
  };
}

function suitesOf(parameters: TlsParameters | undefined): readonly string[] {
  return parameters?.cipherSuites.length ? flatten(parameters.cipherSuites) : defaultSuites;
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
  if (curves.length === 0) return;
  const list = curves.join(':');
  // What else OpenSSL understands than names is nothing that Envoy does.
  if (!isTaken({ ecdhCurve: list }) || /[*?/]/.test(list))
    throw new TlsConfigurationError(`Failed to initialize ECDH curves ${list}`);
}

function refuseUnknownAlgorithms(algorithms: readonly string[]): void {
  if (algorithms.length === 0) return;
  const list = algorithms.join(':');
  if (!isTaken({ sigalgs: list }) || /[+?]/.test(list))
    throw new TlsConfigurationError(`Failed to initialize TLS signature algorithms ${list}`);
}

function isTaken(options: SecureContextOptions): boolean {
  try {
    createSecureContext({ ca: [], ...options });
    return true;
  } catch {
    return false;
  }
}

function identityOf(
  source: TlsCertificate,
  shared: SecureContextOptions,
  settings: ServerSettings | undefined,
): Omit<Identity, 'name'> {
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
  const options = { ...shared, cert, ...keyOptions };
  const secrets = settings?.ticketKeys ?? (settings?.ticketSecret ? [settings.ticketSecret] : []);
  const [newest, ...older] = secrets.map(secret => ticketKeysFor(secret, options));
  const staple = settings && readStaple(source.ocspStaple, certificate, settings.demandsStaples);
  const companion = settings && companionOf(staple, settings.withoutTickets && !settings.withoutIds);
  const context = secureContext({ ...options, ...(newest && { ticketKeys: newest }) }, describe);
  if (newest !== undefined && older.length > 0) takeOlderTickets(context, [newest, ...older]);
  return { certificate, staple, companion, path, context };
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
