/** What is counted of handshakes, below a listener's or a cluster's name. */
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import type { StapleAction } from './certificate-choice.ts';
import type { TlsFacts } from './tls-facts.ts';

export class TlsStats {
  readonly handshake: Counter;
  readonly connectionError: Counter;
  readonly failVerifyError: Counter;
  readonly failVerifyNoCert: Counter;
  readonly failVerifySan: Counter;
  readonly failVerifyCertHash: Counter;
  readonly noCertificate: Counter;
  readonly sessionReused: Counter;
  readonly #stapleRequests: Counter;
  /** What became of them. */
  readonly #staples: Record<'staple' | 'omit' | 'fail', Counter>;
  readonly #scope: StatsScope;

  constructor(scope: StatsScope) {
    const ssl = scope.scope('ssl.');
    this.handshake = ssl.counter('handshake');
    this.connectionError = ssl.counter('connection_error');
    this.failVerifyError = ssl.counter('fail_verify_error');
    this.failVerifyNoCert = ssl.counter('fail_verify_no_cert');
    this.failVerifySan = ssl.counter('fail_verify_san');
    this.failVerifyCertHash = ssl.counter('fail_verify_cert_hash');
    this.noCertificate = ssl.counter('no_certificate');
    this.sessionReused = ssl.counter('session_reused');
    this.#stapleRequests = ssl.counter('ocsp_staple_requests');
    this.#staples = {
      staple: ssl.counter('ocsp_staple_responses'),
      omit: ssl.counter('ocsp_staple_omitted'),
      fail: ssl.counter('ocsp_staple_failed'),
    };
    this.#scope = ssl;
  }

  /** What became of a client's wish to hear of the certificate's authority. */
  countStaple(action: StapleAction): void {
    if (action === 'unasked') return;
    this.#stapleRequests.increment();
    this.#staples[action].increment();
  }

  /** A handshake came to its end. */
  countHandshake({ version, cipher, group, peer }: TlsFacts, reused: boolean, withCertificate: boolean): void {
    this.handshake.increment();
    this.#scope.counter(`versions.${version}`).increment();
    this.#scope.counter(`ciphers.${cipher}`).increment();
    if (group !== '') this.#scope.counter(`curves.${group}`).increment();
    const algorithm = peer?.signatureAlgorithm;
    if (algorithm !== undefined) this.#scope.counter(`sigalgs.${algorithm}`).increment();
    if (reused) this.sessionReused.increment();
    if (!withCertificate) this.noCertificate.increment();
  }
}
