/** What is counted of handshakes, below a listener's or a cluster's name. */
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

/** What this proxy has no occasion to count: there from the start, as in Envoy. */
const silent = 'ocsp_staple_failed ocsp_staple_omitted ocsp_staple_requests ocsp_staple_responses';

export class TlsStats {
  readonly handshake: Counter;
  readonly connectionError: Counter;
  readonly failVerifyError: Counter;
  readonly failVerifyNoCert: Counter;
  readonly failVerifySan: Counter;
  readonly failVerifyCertHash: Counter;
  readonly noCertificate: Counter;
  readonly sessionReused: Counter;
  readonly #scope: StatsScope;

  constructor(scope: StatsScope) {
    const ssl = scope.scope('ssl.');
    for (const name of silent.split(' ')) ssl.counter(name);
    this.handshake = ssl.counter('handshake');
    this.connectionError = ssl.counter('connection_error');
    this.failVerifyError = ssl.counter('fail_verify_error');
    this.failVerifyNoCert = ssl.counter('fail_verify_no_cert');
    this.failVerifySan = ssl.counter('fail_verify_san');
    this.failVerifyCertHash = ssl.counter('fail_verify_cert_hash');
    this.noCertificate = ssl.counter('no_certificate');
    this.sessionReused = ssl.counter('session_reused');
    this.#scope = ssl;
  }

  /** A handshake came to its end. */
  countHandshake(version: string, cipher: string, reused: boolean, withCertificate: boolean): void {
    this.handshake.increment();
    this.#scope.counter(`versions.${version}`).increment();
    this.#scope.counter(`ciphers.${cipher}`).increment();
    if (reused) this.sessionReused.increment();
    if (!withCertificate) this.noCertificate.increment();
  }
}
