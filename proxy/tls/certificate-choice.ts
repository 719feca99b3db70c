/**
 * Which of its certificates a server shows to a client: by the name that is asked for, by what the client can verify, and by what there is to staple.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl#certificate-selection
 */
import { DownstreamTlsContext_OcspStaplePolicy as StaplePolicy } from '../api/enums.js';
import type { Certificate } from './certificate.ts';
import type { Identity } from './tls-context.ts';

/** What of a client's first message it goes by. */
export interface AskedFor {
  serverName: string;
  applicationProtocols: readonly string[];
  version: number;
  suites: readonly number[];
  extensions: readonly number[];
  groups: readonly number[];
  signatureAlgorithms: readonly number[];
  wantsStatus: boolean;
}

/** What becomes of a stapled response; `unasked`: the client knows of none. */
export type StapleAction = 'staple' | 'omit' | 'fail' | 'unasked';

export interface Choice {
  identity: Identity;
  action: StapleAction;
}

export interface ChoiceSettings {
  staplePolicy: StaplePolicy;
  /** Where no certificate has the name that is asked for, all are looked at and not only the first. */
  scansAll: boolean;
  /** Suites that the server takes. */
  suites: readonly string[];
  /** Whether it speaks TLS 1.3. */
  newest: boolean;
}

export class CertificateChoice {
  readonly #identities: readonly Identity[];
  readonly #settings: ChoiceSettings;
  /** By name, `.example.org` for all below it: the first certificate of each kind of key. */
  readonly #byName = new Map<string, Map<string, Identity>>();

  constructor(identities: readonly Identity[], settings: ChoiceSettings) {
    this.#identities = identities;
    this.#settings = settings;
    for (const identity of identities)
      for (const name of namesOf(identity.certificate)) {
        const pattern = name.replace(/^\*(?=\.)/, '').toLowerCase();
        const kinds = this.#byName.get(pattern) ?? new Map<string, Identity>();
        this.#byName.set(pattern, kinds);
        const kind = identity.certificate?.keyType ?? '';
        if (!kinds.has(kind)) kinds.set(kind, identity);
      }
  }

  for(asked: AskedFor): Choice {
    const curves = this.#curvesOf(asked);
    const { serverName } = asked;
    if (serverName !== '') {
      const dot = serverName.indexOf('.', 1);
      const names = [serverName, ...(dot > 0 && dot < serverName.length - 1 ? [serverName.slice(dot)] : [])];
      for (const name of names) {
        const found = this.#best([...(this.#byName.get(name)?.values() ?? [])], curves, asked.wantsStatus);
        if (found !== undefined) return found;
      }
      if (!this.#settings.scansAll) return this.#first(asked.wantsStatus);
    }
    return this.#best(this.#identities, curves, asked.wantsStatus) ?? this.#first(asked.wantsStatus);
  }

  #first(wantsStatus: boolean): Choice {
    const identity = this.#identities[0]!;
    return { identity, action: this.#actionFor(identity, wantsStatus) };
  }

  /** One with a key on a curve that the client knows, or else one with another key; none whose response would have to be stapled and cannot be. */
  #best(identities: readonly Identity[], curves: readonly string[], wantsStatus: boolean): Choice | undefined {
    let other: Choice | undefined;
    for (const identity of identities) {
      const action = this.#actionFor(identity, wantsStatus);
      if (action === 'fail') continue;
      const curve = identity.certificate?.curve;
      if (curve !== undefined && curves.includes(curve)) return { identity, action };
      if (curve === undefined) other ??= { identity, action };
    }
    return other;
  }

  #actionFor({ staple, certificate }: Identity, wantsStatus: boolean): StapleAction {
    if (!wantsStatus) return 'unasked';
    if (staple !== undefined && !staple.expired) return 'staple';
    const policy = certificate?.mustStaple ? StaplePolicy.MUST_STAPLE : this.#settings.staplePolicy;
    if (policy === StaplePolicy.MUST_STAPLE) return 'fail';
    return policy === StaplePolicy.STRICT_STAPLING && staple !== undefined ? 'fail' : 'omit';
  }

  /** The curves of keys that a client can verify by ECDSA; none where it cannot at all. */
  #curvesOf({ version, extensions, signatureAlgorithms, groups, suites }: AskedFor): readonly string[] {
    if (version === tls12 && this.#settings.newest && extensions.includes(supportedVersions))
      return curvesAmong(signatureAlgorithms);
    const takes = suites.some(suite => this.#settings.suites.includes(ecdsaSuites.get(suite) ?? ''));
    return takes ? curvesAmong(groups) : [];
  }
}

const tls12 = 0x0303;
const supportedVersions = 43;

/** By the numbers of signature algorithms, and by those of groups. */
const curves = new Map([
  [0x0403, 'prime256v1'],
  [0x0017, 'prime256v1'],
  [0x0503, 'secp384r1'],
  [0x0018, 'secp384r1'],
  [0x0603, 'secp521r1'],
  [0x0019, 'secp521r1'],
]);

const curvesAmong = (numbers: readonly number[]): string[] => numbers.flatMap(number => curves.get(number) ?? []);

/** @see https://www.iana.org/assignments/tls-parameters/tls-parameters.xhtml#tls-parameters-4 */
const ecdsaSuites = new Map([
  [0xc009, 'ECDHE-ECDSA-AES128-SHA'],
  [0xc00a, 'ECDHE-ECDSA-AES256-SHA'],
  [0xc023, 'ECDHE-ECDSA-AES128-SHA256'],
  [0xc02b, 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  [0xc02c, 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  [0xcca9, 'ECDHE-ECDSA-CHACHA20-POLY1305'],
]);

/** For whom a certificate is; its holder's common name counts where it has no other names. */
function namesOf(certificate: Certificate | undefined): string[] {
  if (certificate === undefined) return [];
  if (certificate.x509.subjectAltName !== undefined) return certificate.namesOf('dns');
  const common = /^CN=(.*)$/m.exec(certificate.x509.subject)?.[1];
  return common === undefined ? [] : [common];
}
