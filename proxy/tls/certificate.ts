/** A certificate as access logs, headers and rules speak of it. Each form is made when it is asked for. */
import { X509Certificate } from 'node:crypto';
import { type NameKind, type SubjectAltName, subjectAltNames } from './subject-alt-names.ts';

export class Certificate {
  readonly x509: X509Certificate;
  #names: readonly SubjectAltName[] | undefined;

  constructor(x509: X509Certificate) {
    this.x509 = x509;
  }

  /** The first of a PEM text, which is the one of a chain that names the holder. Throws where there is none. */
  static parse(pem: Buffer): Certificate {
    return new Certificate(new X509Certificate(pem));
  }

  get names(): readonly SubjectAltName[] {
    this.#names ??= subjectAltNames(this.x509);
    return this.#names;
  }

  namesOf(kind: NameKind): string[] {
    return this.names.filter(name => name.kind === kind).map(({ value }) => value);
  }

  /** By RFC 2253, `CN=name,O=house`. */
  get subject(): string {
    return distinguishedName(this.x509.subject);
  }

  get issuer(): string {
    return distinguishedName(this.x509.issuer);
  }

  get serial(): string {
    return this.x509.serialNumber.toLowerCase();
  }

  /** SHA-256 in hexadecimal. */
  get fingerprint256(): string {
    return plainHex(this.x509.fingerprint256);
  }

  /** SHA-1 in hexadecimal. */
  get fingerprint1(): string {
    return plainHex(this.x509.fingerprint);
  }

  /** PEM, encoded as in a URL. */
  get encodedPem(): string {
    return encodeURIComponent(this.x509.toString());
  }

  /** The same of all that the peer showed, the holder's first. */
  get encodedChain(): string {
    let text = '';
    for (let one: X509Certificate | undefined = this.x509; one !== undefined; one = one.issuerCertificate)
      text += encodeURIComponent(one.toString());
    return text;
  }

  get validFrom(): Date {
    return new Date(this.x509.validFrom);
  }

  get validTo(): Date {
    return new Date(this.x509.validTo);
  }
}

/** Node gives an attribute a line, the widest first. */
const distinguishedName = (lines: string): string => lines.split('\n').reverse().join(',');

const plainHex = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
