/** A connection to a host that carries bytes of one client alone: made for the TCP proxy, counted as Envoy's TCP pool counts. */
import type { ConnectionTimes } from '../connection-times.ts';
import type { Transport } from '../net/transport.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import type { Host } from './host.ts';
import {
  type ConnectFailure,
  UpstreamSocket,
  type UpstreamSocketOptions,
  type UpstreamSocketOwner,
} from './upstream-socket.ts';

export class TcpConnection implements UpstreamSocketOwner {
  readonly host: Host;
  readonly #options: UpstreamSocketOptions;
  readonly #owner: UpstreamSocketOwner;
  readonly #socket: UpstreamSocket;

  /** @param owner hears once how the attempt went; afterwards the transport's handler hears of the connection */
  constructor(options: UpstreamSocketOptions, owner: UpstreamSocketOwner) {
    this.#options = options;
    this.#owner = owner;
    this.host = options.host;
    options.stats.rqPendingTotal.increment();
    options.stats.rqPendingActive.increment();
    this.#socket = new UpstreamSocket(options, this, true);
  }

  get id(): number {
    return this.#socket.id;
  }

  get times(): ConnectionTimes {
    return this.#socket.times;
  }

  get tls(): TlsFacts | undefined {
    return this.#socket.tls;
  }

  /** Undefined until it is connected. */
  get transport(): Transport | undefined {
    return this.#socket.transport;
  }

  onConnected(transport: Transport): void {
    const { stats, host } = this.#options;
    stats.rqPendingActive.decrement();
    stats.rqTotal.increment();
    stats.rqActive.increment();
    host.counters.rq_total++;
    host.beginRequest();
    host.outlier?.connected(true);
    this.#owner.onConnected(transport);
  }

  onConnectFailed(failure: ConnectFailure, transportFailure: string): void {
    this.#options.stats.rqPendingActive.decrement();
    this.#options.stats.rqPendingFailureEject.increment();
    if (failure === 'connection-timeout') this.host.outlier?.timedOut();
    else this.host.outlier?.failed();
    this.#owner.onConnectFailed(failure, transportFailure);
  }

  /** The client cannot take more now. */
  pauseReading(): void {
    this.#options.stats.flowPaused.increment();
    this.transport?.pause();
  }

  resumeReading(): void {
    this.#options.stats.flowResumed.increment();
    this.transport?.resume();
  }

  /** The transport's handler heard that it is closed. */
  onClosed(byPeer: boolean): void {
    this.#release(byPeer);
  }

  /** Ends it at once, or gives up the attempt. */
  close(): void {
    if (this.#socket.over) return;
    if (this.transport === undefined) this.#options.stats.rqCancelled.increment();
    this.#socket.destroy();
    this.#release(false);
  }

  #release(byPeer: boolean): void {
    if (this.#socket.over) return;
    const { stats, host } = this.#options;
    const connected = this.transport !== undefined;
    this.#socket.release(byPeer, connected);
    if (!connected) {
      stats.rqPendingActive.decrement();
      return;
    }
    stats.rqActive.decrement();
    host.endRequest();
  }
}
