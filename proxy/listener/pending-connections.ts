/** Connections that no filter has yet: their first bytes are looked at, or they are in their handshake. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { localAddressOf, remoteAddressOf } from '../net/transport.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import type { TlsServer } from '../tls/tls-server.ts';
import { type ClientHello, lookForHello, unreadHello } from './client-hello.ts';
import type { Findings } from './listener-filter.ts';
import type { ListenerFilters } from './listener-filters.ts';
import type { FailedConnection } from './network-filter.ts';
import { peek } from './peek.ts';

export interface Securing {
  tls: TlsServer;
  /** 0: for ever. */
  timeoutMs: number;
  /** Undefined where nobody has looked at it. */
  hello: ClientHello | undefined;
}

export interface SecuringOwner {
  onSecured(socket: TLSSocket, facts: TlsFacts): void;
  onFailed(connection: FailedConnection): void;
}

export class PendingConnections {
  readonly #sockets = new Set<Socket>();
  readonly #inspected: Gauge;
  readonly #inspectionTimeout: Counter;
  readonly #remoteClose: Counter;
  readonly #handshakeTimeout: Counter;

  constructor(scope: StatsScope) {
    this.#inspected = scope.gauge('downstream_pre_cx_active');
    this.#inspectionTimeout = scope.counter('downstream_pre_cx_timeout');
    this.#remoteClose = scope.counter('downstream_listener_filter_remote_close');
    this.#handshakeTimeout = scope.counter('downstream_cx_transport_socket_connect_timeout');
  }

  /**
   * Tells whether the connection goes on; else it is closed.
   * @param findings what the listener's filters find is added
   */
  inspect(socket: Socket, filters: ListenerFilters, findings: Findings, tell: (goesOn: boolean) => void): void {
    this.#sockets.add(socket);
    this.#inspected.increment();
    filters.inspect(socket, findings, verdict => {
      this.#sockets.delete(socket);
      this.#inspected.decrement();
      if (verdict === 'timed-out') this.#inspectionTimeout.increment();
      if (verdict === 'closed') this.#remoteClose.increment();
      if (verdict !== 'go-on') socket.destroy();
      tell(verdict === 'go-on');
    });
  }

  secure(socket: Socket, securing: Securing, owner: SecuringOwner): void {
    const startedMs = performance.now();
    const addresses = {
      remoteAddress: remoteAddressOf(socket),
      localAddress: localAddressOf(socket),
    };
    const fail = (reason: string): void => {
      this.#sockets.delete(socket);
      const durationMs = performance.now() - startedMs;
      owner.onFailed({
        reason,
        by: 'handshake',
        serverName: securing.hello?.serverName ?? '',
        tls: undefined,
        flags: 0,
        durationMs,
        ...addresses,
      });
    };
    this.#sockets.add(socket);
    this.#withHello(socket, securing, fail, hello =>
      securing.tls.handshake(socket, hello, securing.timeoutMs, {
        onSecured: (secured, facts) => {
          this.#sockets.delete(socket);
          owner.onSecured(secured, facts);
        },
        onFailed: fail,
        onTimeout: () => this.#handshakeTimeout.increment(),
      }),
    );
  }

  /** The handshake itself depends on what the client asks for. */
  #withHello(
    socket: Socket,
    { hello, timeoutMs }: Securing,
    fail: (reason: string) => void,
    go: (hello: ClientHello) => void,
  ): void {
    if (hello !== undefined) {
      go(hello);
      return;
    }
    peek(socket, timeoutMs, lookForHello, peeked => {
      if (peeked === 'timed-out') this.#handshakeTimeout.increment();
      // What is no hello is left to the library to refuse.
      if (peeked === 'not-tls' || peeked === 'too-large') go(unreadHello);
      else if (typeof peeked === 'string') {
        socket.destroy();
        fail('');
      } else go(peeked);
    });
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
