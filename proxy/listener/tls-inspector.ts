/**
 * Looks at the first bytes of each connection of a listener: whether it is TLS, for which server, and what the client would speak.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/tls_inspector
 */
import type { Socket } from 'node:net';
import type { TlsInspector as Configuration } from '../api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import type { Counter } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import { type ClientHello, lookForHello, type NoHello } from './client-hello.ts';
import { ja3Fingerprint, ja4Fingerprint } from './fingerprint.ts';
import type { Findings, ListenerFilter, Verdict } from './listener-filter.ts';
import { peek } from './peek.ts';

export class TlsInspector implements ListenerFilter {
  readonly reads = true;
  readonly #counters: Record<
    'tooLarge' | 'tlsFound' | 'tlsNotFound' | 'alpnFound' | 'alpnNotFound' | 'sniFound' | 'sniNotFound',
    Counter
  >;

  readonly #tellsJa3: boolean;
  readonly #tellsJa4: boolean;

  constructor({ enableJa3Fingerprinting, enableJa4Fingerprinting }: Configuration, store: StatsStore) {
    this.#tellsJa3 = enableJa3Fingerprinting ?? false;
    this.#tellsJa4 = enableJa4Fingerprinting ?? false;
    const scope = store.scope('tls_inspector.');
    scope.histogram('bytes_processed');
    this.#counters = {
      tooLarge: scope.counter('client_hello_too_large'),
      tlsFound: scope.counter('tls_found'),
      tlsNotFound: scope.counter('tls_not_found'),
      alpnFound: scope.counter('alpn_found'),
      alpnNotFound: scope.counter('alpn_not_found'),
      sniFound: scope.counter('sni_found'),
      sniNotFound: scope.counter('sni_not_found'),
    };
  }

  inspect(socket: Socket, findings: Findings, timeoutMs: number, tell: (verdict: Verdict) => void): void {
    peek(socket, timeoutMs, lookForHello, found => {
      if (found === 'timed-out' || found === 'closed') {
        tell(found);
        return;
      }
      this.#count(found);
      if (typeof found !== 'string') {
        findings.hello = found;
        if (this.#tellsJa3) findings.ja3 = ja3Fingerprint(found);
        if (this.#tellsJa4) findings.ja4 = ja4Fingerprint(found);
      }
      tell(found === 'too-large' ? 'refused' : 'go-on');
    });
  }

  #count(found: ClientHello | NoHello): void {
    const counters = this.#counters;
    if (found === 'not-tls') counters.tlsNotFound.increment();
    if (found === 'too-large') counters.tooLarge.increment();
    if (typeof found === 'string') return;
    counters.tlsFound.increment();
    (found.applicationProtocols.length > 0 ? counters.alpnFound : counters.alpnNotFound).increment();
    (found.serverName === '' ? counters.sniNotFound : counters.sniFound).increment();
  }
}
