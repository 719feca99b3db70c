/**
 * What is demanded of a peer's certificate.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto#extensions-transport-sockets-tls-v3-certificatevalidationcontext
 */
import { createHash, type X509Certificate } from 'node:crypto';
import { CertificateValidationContext_TrustChainVerification as TrustChain } from '../api/enums.js';
import type { CertificateValidationContext } from '../api/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { describeDataSource, readDataSource } from '../data-source.ts';
import { authoritiesOf, isTrustedAtSomeTime, purpose } from './ageless-trust.ts';
import { Certificate } from './certificate.ts';
import type { ChainError } from './chain-error.ts';
import { statisticsName } from './expirations.ts';
import { coversName, type NamesTest, namesTest } from './subject-alt-names.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';
import type { TlsStats } from './tls-stats.ts';

/** Why a certificate will not do: which statistic counts it, and Envoy's words. */
interface Refusal {
  counter: 'failVerifyError' | 'failVerifySan' | 'failVerifyCertHash';
  reason: string;
}

export class PeerVerification {
  /** In statistics; undefined where nothing is demanded. */
  readonly name: string | undefined;
  readonly ca: Buffer | undefined;
  /** The first of the authorities. */
  readonly authority: Certificate | undefined;
  readonly crl: Buffer | undefined;
  readonly caPath: string;
  readonly crlPath: string;
  readonly #names: NamesTest | undefined;
  readonly #acceptsUntrusted: boolean;
  /** How many certificates may stand above one, its authority's among them, which there always is; undefined: any number. */
  readonly #longest: number | undefined;
  /** By whom a certificate may be signed that is not valid now; empty where none may. */
  readonly #everTrusted: readonly X509Certificate[];
  /** In hexadecimal. */
  readonly #hashes: ReadonlySet<string>;
  /** In Base64. */
  readonly #keyHashes: ReadonlySet<string>;

  /**
   * @param secret the name of the secret that it comes by; '' where it is part of the configuration
   * @throws TlsConfigurationError, UnreadableSource
   */
  constructor(context: CertificateValidationContext | undefined, secret = '') {
    this.name = context && statisticsName('ca_cert', context.trustedCa, secret);
    this.ca = readDataSource(context?.trustedCa);
    this.authority = this.ca && parsed(this.ca);
    this.crl = readDataSource(context?.crl);
    this.caPath = describeDataSource(context?.trustedCa);
    this.#names = context && namesTest(context);
    const depth = context?.maxVerifyDepth;
    this.#longest = depth === undefined ? undefined : Math.max(1, depth);
    this.#acceptsUntrusted = context?.trustChainVerification === TrustChain.ACCEPT_UNTRUSTED;
    this.#hashes = new Set(context?.verifyCertificateHash.map(hash => hash.replaceAll(':', '').toLowerCase()));
    this.#keyHashes = new Set(context?.verifyCertificateSpki);
    this.crlPath = describeDataSource(context?.crl);
    const allowsExpired = context?.allowExpiredCertificate ?? false;
    this.#everTrusted = allowsExpired && this.ca !== undefined ? authoritiesOf(this.ca) : [];
    this.#check();
    if (allowsExpired) this.#checkExpiry();
  }

  #check(): void {
    if (this.ca === undefined && this.#names !== undefined) {
      const rule = 'SAN-based verification of peer certificates without trusted CA is insecure and not allowed';
      throw new TlsConfigurationError(rule);
    }
    if (this.ca !== undefined && this.authority === undefined)
      throw new TlsConfigurationError(`Failed to load trusted CA certificates from ${this.caPath}`);
    if (this.ca === undefined && this.crl !== undefined)
      throw new TlsConfigurationError(`Failed to load CRL from ${this.crlPath} without trusted CA`);
    for (const hash of this.#hashes)
      if (!/^[0-9a-f]{64}$/.test(hash)) throw new TlsConfigurationError(`Invalid hex-encoded SHA-256 ${hash}`);
    for (const hash of this.#keyHashes)
      if (Buffer.from(hash, 'base64').length !== 32)
        throw new TlsConfigurationError(`Invalid base64-encoded SHA-256 ${hash}`);
  }

  #checkExpiry(): void {
    if (this.ca === undefined)
      throw new TlsConfigurationError('Certificate validity period is always ignored without trusted CA');
    if (this.crl !== undefined)
      throw new TlsConfigurationError('This proxy takes allow_expired_certificate without a crl only: leave one out');
  }

  /** Whether a server asks its clients for a certificate at all: as in Envoy, only where it has something to judge by. */
  get asks(): boolean {
    return this.ca !== undefined || this.#wantsHash;
  }

  /** Whether one that shows no certificate cannot be what is wanted. */
  get demands(): boolean {
    return this.#names !== undefined || this.#wantsHash;
  }

  get #wantsHash(): boolean {
    return this.#hashes.size > 0 || this.#keyHashes.size > 0;
  }

  /**
   * Counts what is wrong with a certificate.
   * @param wanted the purpose that the certificate has to have
   * @param chainError what is wrong with the chain up to a trusted authority; undefined: nothing
   * @param expected the name that it has to be for, instead of those of the configuration
   * @returns why the connection has to end; undefined where it may go on
   */
  judge(
    certificate: Certificate,
    wanted: keyof typeof purpose,
    chainError: ChainError | undefined,
    stats: TlsStats,
    expected?: string,
  ): string | undefined {
    const pardoned = chainError?.outOfTime && isTrustedAtSomeTime(certificate.x509, this.#everTrusted, purpose[wanted]);
    const refusal = this.#refusalOf(certificate, pardoned ? undefined : chainError, expected);
    if (refusal === undefined) return undefined;
    stats[refusal.counter].increment();
    return this.#acceptsUntrusted ? undefined : refusal.reason;
  }

  /** Who signed a certificate that is trusted: one of those that were shown, or an authority. */
  issuerOf({ x509, chain }: Certificate): Certificate | undefined {
    const shown = chain[1];
    if (shown !== undefined) return shown;
    const authority = this.ca && authoritiesOf(this.ca).find(one => x509.checkIssued(one));
    return authority && new Certificate(authority);
  }

  #refusalOf(certificate: Certificate, chainError: ChainError | undefined, expected?: string): Refusal | undefined {
    if (this.ca !== undefined && chainError !== undefined) {
      const reason = `X509_verify_cert: certificate verification error at depth 0: ${chainError.reason}`;
      return { counter: 'failVerifyError', reason };
    }
    if (this.#isTooLong(certificate)) return { counter: 'failVerifyError', reason: tooLong(this.#longest!) };
    if (expected !== undefined && !isFor(certificate, expected))
      return { counter: 'failVerifySan', reason: 'SAN list' };
    if (this.#names !== undefined && !this.#names(certificate.names)) {
      const names = certificate.names.map(({ value }) => value).join(', ');
      return { counter: 'failVerifySan', reason: `SAN matcher, certificate SANs are [${names}]` };
    }
    return this.#hasWantedHash(certificate)
      ? undefined
      : { counter: 'failVerifyCertHash', reason: 'cert hash and spki' };
  }

  /** Of one that is trusted: whether there are too many up to its authority. */
  #isTooLong({ chain }: Certificate): boolean {
    if (this.ca === undefined || this.#longest === undefined) return false;
    const authorities = authoritiesOf(this.ca);
    const last = chain.findIndex(({ x509 }) => authorities.some(one => x509.checkIssued(one)));
    return last + 1 > this.#longest;
  }

  #hasWantedHash({ x509, fingerprint256 }: Certificate): boolean {
    if (!this.#wantsHash) return true;
    if (this.#hashes.has(fingerprint256)) return true;
    const key = x509.publicKey.export({ type: 'spki', format: 'der' });
    return this.#keyHashes.has(createHash('sha256').update(key).digest('base64'));
  }
}

/** BoringSSL just stops looking. */
const tooLong = (depth: number): string =>
  `X509_verify_cert: certificate verification error at depth ${depth}: unable to get local issuer certificate`;

/** Whether a certificate is for a name, of whatever kind. */
function isFor({ names }: Certificate, expected: string): boolean {
  return names.some(({ kind, value }) => (kind === 'dns' ? coversName(value, expected) : value === expected));
}

function parsed(pem: Buffer): Certificate | undefined {
  try {
    return Certificate.parse(pem);
  } catch {
    return undefined;
  }
}
