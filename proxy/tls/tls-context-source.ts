/** A TLS context as it is now: parts of it may come, and be replaced, while the proxy runs. */
import type { CertificateValidationContext } from '../api/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CommonTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { showExpirations } from './expirations.ts';
import type { Secret, SecretUser } from './secret.ts';
import type { SecretManager } from './secret-manager.ts';
import { compileTlsContext, type ServerSettings, type TlsContext } from './tls-context.ts';

export class TlsContextSource implements SecretUser {
  /** Undefined until all its secrets have come. */
  current: TlsContext | undefined;
  readonly #common: CommonTlsContext | undefined;
  readonly #settings: ServerSettings | undefined;
  readonly #side: 'server' | 'client';
  readonly #certificates: readonly Secret[];
  readonly #validation: Secret | undefined;
  readonly #scope: StatsScope;
  readonly #updates: Counter;
  readonly #notReady: Counter;

  /**
   * @param scope of the listener or the cluster
   * @throws TlsConfigurationError, UnreadableSource, and Error for a source of secrets that is not there
   */
  constructor(
    common: CommonTlsContext | undefined,
    side: 'server' | 'client',
    secrets: SecretManager,
    scope: StatsScope,
    settings?: ServerSettings,
  ) {
    this.#settings = settings;
    this.#common = common;
    this.#side = side;
    this.#scope = scope;
    const stats = scope.scope(`${side}_ssl_socket_factory.`);
    const notReady = ['upstream', 'downstream'].map(end => stats.counter(`${end}_context_secrets_not_ready`));
    this.#notReady = notReady[side === 'server' ? 1 : 0]!;
    this.#updates = stats.counter('ssl_context_update_by_sds');
    const named = common?.tlsCertificates.length === 0 ? common.tlsCertificateSdsSecretConfigs : [];
    this.#certificates = named.map(one => secrets.use(one, this));
    const validation = validationSecret(common);
    this.#validation = validation && secrets.use(validation, this);
    try {
      this.#use(this.#compile());
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Ends when there was a first answer for each secret. */
  async start(): Promise<void> {
    await Promise.all(this.#secrets.map(secret => secret.start()));
  }

  stop(): void {
    for (const secret of this.#secrets) secret.removeUser(this);
  }

  get #secrets(): readonly Secret[] {
    return this.#validation === undefined ? this.#certificates : [...this.#certificates, this.#validation];
  }

  prepareSecret(): () => void {
    const context = this.#compile();
    return () => {
      this.#use(context);
      this.#updates.increment();
    };
  }

  #use(context: TlsContext | undefined): void {
    this.current = context;
    if (context !== undefined) showExpirations(context, this.#scope);
  }

  /** The context for a connection; undefined, and counted, where it cannot be made yet. */
  forConnection(): TlsContext | undefined {
    if (this.current === undefined) this.#notReady.increment();
    return this.current;
  }

  /** Undefined while a secret is missing. */
  #compile(): TlsContext | undefined {
    if (this.#secrets.some(({ current }) => current === undefined)) return undefined;
    const names = {
      certificates: this.#certificates.map(({ name }) => name),
      validation: this.#validation?.name ?? '',
    };
    return compileTlsContext(this.#effective(), this.#side, this.#settings, names);
  }

  /** With the secrets in the places of their names. */
  #effective(): CommonTlsContext | undefined {
    const common = this.#common;
    if (common === undefined || this.#secrets.length === 0) return common;
    const certificates = this.#certificates.flatMap(({ current }) =>
      current?.type.case === 'tlsCertificate' ? current.type.value : [],
    );
    const validation = this.#effectiveValidation(common);
    return {
      ...common,
      ...(this.#certificates.length > 0 && { tlsCertificates: certificates }),
      ...(validation && { validationContextType: { case: 'validationContext', value: validation } }),
    };
  }

  #effectiveValidation({ validationContextType: type }: CommonTlsContext): CertificateValidationContext | undefined {
    const secret = this.#validation?.current?.type;
    const found = secret?.case === 'validationContext' ? secret.value : undefined;
    if (type.case !== 'combinedValidationContext') return found;
    const usual = type.value.defaultValidationContext;
    return usual && found ? merged(usual, found) : (found ?? usual);
  }
}

function validationSecret(common: CommonTlsContext | undefined) {
  const type = common?.validationContextType;
  if (type?.case === 'validationContextSdsSecretConfig') return type.value;
  return type?.case === 'combinedValidationContext' ? type.value.validationContextSdsSecretConfig : undefined;
}

/** As messages are merged: lists one after the other, and what the second says in place of what the first does. */
function merged(
  usual: CertificateValidationContext,
  found: CertificateValidationContext,
): CertificateValidationContext {
  return {
    ...usual,
    ...(found.trustedCa && { trustedCa: found.trustedCa }),
    ...(found.crl && { crl: found.crl }),
    ...(found.trustChainVerification !== 0 && { trustChainVerification: found.trustChainVerification }),
    ...(found.maxVerifyDepth !== undefined && { maxVerifyDepth: found.maxVerifyDepth }),
    allowExpiredCertificate: usual.allowExpiredCertificate || found.allowExpiredCertificate,
    verifyCertificateSpki: [...usual.verifyCertificateSpki, ...found.verifyCertificateSpki],
    verifyCertificateHash: [...usual.verifyCertificateHash, ...found.verifyCertificateHash],
    matchTypedSubjectAltNames: [...usual.matchTypedSubjectAltNames, ...found.matchTypedSubjectAltNames],
    matchSubjectAltNames: [...usual.matchSubjectAltNames, ...found.matchSubjectAltNames],
  };
}
