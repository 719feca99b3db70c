/**
 * Looks at the first bytes of each connection of a listener: whether it is TLS, for which server, and what the client would speak.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/tls_inspector
 */
import type { Socket } from 'node:net';
import type { Counter } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import { type ClientHello, type Peeked, peekClientHello } from './client-hello.ts';

export interface TlsInspectorOptions {
  timeoutMs: number;
  /** A connection that says nothing in time is served as one that is no TLS, not closed. */
  continuesOnTimeout: boolean;
}

export class TlsInspector {
  readonly #options: TlsInspectorOptions;
  readonly #counters: Record<
    'tooLarge' | 'tlsFound' | 'tlsNotFound' | 'alpnFound' | 'alpnNotFound' | 'sniFound' | 'sniNotFound',
    Counter
  >;

  constructor(store: StatsStore, options: TlsInspectorOptions) {
    this.#options = options;
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

  /** Tells a hello; undefined: it is no TLS; `timed-out` or `closed`: the connection is not served. */
  inspect(socket: Socket, tell: (found: ClientHello | undefined | 'timed-out' | 'closed') => void): void {
    peekClientHello(socket, this.#options.timeoutMs, peeked => {
      this.#count(peeked);
      if (peeked === 'timed-out') tell(this.#options.continuesOnTimeout ? undefined : 'timed-out');
      else if (peeked === 'too-large') tell('closed');
      else tell(peeked === 'not-tls' ? undefined : peeked);
    });
  }

  #count(peeked: Peeked): void {
    const counters = this.#counters;
    if (peeked === 'not-tls') counters.tlsNotFound.increment();
    if (peeked === 'too-large') counters.tooLarge.increment();
    if (typeof peeked === 'string') return;
    counters.tlsFound.increment();
    (peeked.applicationProtocols.length > 0 ? counters.alpnFound : counters.alpnNotFound).increment();
    (peeked.serverName === '' ? counters.sniNotFound : counters.sniFound).increment();
  }
}
