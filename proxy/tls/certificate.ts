/** A certificate as access logs, headers and rules speak of it. Each form is made when it is asked for. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { type NameKind, type SubjectAltName, subjectAltNames } from './subject-alt-names.ts';

export class Certificate {
  readonly x509: X509Certificate;
  #names: readonly SubjectAltName[] | undefined;
  #key: KeyObject | undefined;

  constructor(x509: X509Certificate) {
    this.x509 = x509;
  }

  /** The first of a PEM text, which is the one of a chain that names the holder. Throws where there is none. */
  static parse(pem: Buffer): Certificate {
    return new Certificate(new X509Certificate(pem));
  }

  get pem(): string {
    return this.x509.toString();
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

  /**
   * What its holder signs a handshake by: Node does not tell that, but a key leaves one algorithm of TLS 1.3; of those that RSA has, both libraries
   * prefer the one given. Undefined for other keys.
   */
  get signatureAlgorithm(): string | undefined {
    return signatureAlgorithms.get(this.curve ?? this.keyType);
  }

  /** `ec`, `rsa`, … */
  get keyType(): string {
    return this.#publicKey.asymmetricKeyType ?? '';
  }

  /** Of a key for ECDSA: `prime256v1`. */
  get curve(): string | undefined {
    return this.#publicKey.asymmetricKeyDetails?.namedCurve;
  }

  get #publicKey(): KeyObject {
    this.#key ??= this.x509.publicKey;
    return this.#key;
  }

  /** Its authority wants its own word to be shown along with it. */
  get mustStaple(): boolean {
    return this.x509.raw.includes(mustStapleExtension);
  }

  /** PEM, encoded as in a URL. */
  get encodedPem(): string {
    return encodeURIComponent(this.x509.toString());
  }

  /** All that the peer showed, the holder's first. */
  get chain(): readonly Certificate[] {
    const issuer = this.x509.issuerCertificate;
    return issuer === undefined ? [this] : [this, ...new Certificate(issuer).chain];
  }

  /** PEM of all that the peer showed, encoded as in a URL. */
  get encodedChain(): string {
    return this.chain.map(({ encodedPem }) => encodedPem).join('');
  }

  get validFrom(): Date {
    return new Date(this.x509.validFrom);
  }

  get validTo(): Date {
    return new Date(this.x509.validTo);
  }
}

/** The extension of RFC 7633 that asks for `status_request`, and nothing else. */
const mustStapleExtension = Buffer.from('06082b0601050507011804053003020105', 'hex');

const signatureAlgorithms = new Map([
  ['prime256v1', 'ecdsa_secp256r1_sha256'],
  ['secp384r1', 'ecdsa_secp384r1_sha384'],
  ['secp521r1', 'ecdsa_secp521r1_sha512'],
  ['ed25519', 'ed25519'],
  ['rsa', 'rsa_pss_rsae_sha256'],
]);

/** Node gives an attribute a line, the widest first. */
const distinguishedName = (lines: string): string => lines.split('\n').reverse().join(',');

const plainHex = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
