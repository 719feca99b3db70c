/** The names that a certificate is for, and what a validation context wants of them. */
import type { X509Certificate } from 'node:crypto';
import { SubjectAltNameMatcher_SanType as SanType } from '../api/enums.js';
import type { CertificateValidationContext } from '../api/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { type StringTest, stringTest } from '../routing/string-match.ts';
import { otherNames } from './certificate-extensions.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';

export type NameKind = 'dns' | 'uri' | 'ip' | 'email' | 'other';

export interface SubjectAltName {
  kind: NameKind;
  value: string;
  /** Of what kind of its own it is; only of `other`. */
  oid?: string;
}

const kinds: Record<string, NameKind> = { DNS: 'dns', URI: 'uri', 'IP Address': 'ip', email: 'email' };

/** In the order of the certificate, names of kinds of their own last. Kinds that nothing is compared with are left out. */
export function subjectAltNames(certificate: Pick<X509Certificate, 'subjectAltName' | 'raw'>): SubjectAltName[] {
  const { subjectAltName = '' } = certificate;
  const names: SubjectAltName[] = [];
  // Node quotes a value as JSON where it could be taken for more than one.
  for (const [, type = '', text = ''] of subjectAltName.matchAll(/([A-Za-z ]+?):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const kind = kinds[type];
    if (kind !== undefined) names.push({ kind, value: text.startsWith('"') ? String(JSON.parse(text)) : text });
  }
  if (!subjectAltName.includes('othername:')) return names;
  return [...names, ...otherNames(certificate).map(name => ({ kind: 'other' as const, ...name }))];
}

export type NamesTest = (names: readonly SubjectAltName[]) => boolean;

const kindOf: Partial<Record<number, NameKind>> = {
  [SanType.DNS]: 'dns',
  [SanType.URI]: 'uri',
  [SanType.IP_ADDRESS]: 'ip',
  [SanType.EMAIL]: 'email',
  [SanType.OTHER_NAME]: 'other',
};

const identifier = /^[0-2](\.\d+)+$/;

/**
 * Whether one of the names is one that is wanted; undefined where any will do.
 * @throws TlsConfigurationError where a kind of its own is not said
 */
export function namesTest(context: CertificateValidationContext): NamesTest | undefined {
  for (const { sanType, oid } of context.matchTypedSubjectAltNames)
    if (sanType === SanType.OTHER_NAME && !identifier.test(oid))
      throw new TlsConfigurationError(`Failed to create SAN matcher for OTHER_NAME with OID: ${oid}`);
  const tests = [
    ...context.matchTypedSubjectAltNames.flatMap(({ sanType, matcher, oid }) =>
      matcher === undefined
        ? []
        : [typedTest(kindOf[sanType], stringTest(matcher), exactOf(matcher.matchPattern), oid)],
    ),
    ...context.matchSubjectAltNames.map(stringTest).map(
      test =>
        ({ value }: SubjectAltName) =>
          test(value),
    ),
  ];
  if (tests.length === 0) return undefined;
  return names => names.some(name => tests.some(test => test(name)));
}

const exactOf = ({ case: kind, value }: { case: string | undefined; value?: unknown }): string | undefined =>
  kind === 'exact' ? String(value) : undefined;

/** A name of a certificate may stand for many, `*.example.org`: where one name is wanted, that counts too. */
function typedTest(kind: NameKind | undefined, test: StringTest, exact: string | undefined, oid: string) {
  return (name: SubjectAltName): boolean => {
    if (name.kind !== kind || (kind === 'other' && name.oid !== oid)) return false;
    return kind === 'dns' && exact !== undefined ? coversName(name.value, exact) : test(name.value);
  };
}

/** Whether a certificate's DNS name stands for a name: it is the same, or differs in its first label, which is `*`. */
export function coversName(pattern: string, name: string): boolean {
  const [wanted, found] = [pattern.toLowerCase(), name.toLowerCase()];
  if (wanted === found) return true;
  const dot = found.indexOf('.');
  return wanted.startsWith('*.') && dot > 0 && wanted.slice(1) === found.slice(dot);
}
