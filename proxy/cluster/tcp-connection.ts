/** A connection to a host that carries bytes of one client alone: made for the TCP proxy, counted as Envoy's TCP pool counts. */
import { connect, type Socket } from 'node:net';
import { openTransport } from '../net/handle-transport.ts';
import type { Transport } from '../net/transport.ts';
import type { Host } from './host.ts';
import { describeConnectError, nextUpstreamConnectionId, type PoolOptions } from './pool.ts';

export type ConnectFailure = 'connection-failure' | 'connection-timeout';

/** Told once how the attempt went; afterwards the transport's handler hears of the connection. */
export interface TcpConnectionOwner {
  onConnected(transport: Transport): void;
  onConnectFailed(failure: ConnectFailure, transportFailure: string): void;
}

type Options = Pick<PoolOptions, 'host' | 'stats' | 'limits' | 'connectTimeoutMs' | 'highMark'>;

export class TcpConnection {
  readonly id: number = nextUpstreamConnectionId();
  readonly host: Host;
  /** Undefined until it is connected. */
  transport: Transport | undefined;
  readonly #options: Options;
  readonly #owner: TcpConnectionOwner;
  readonly #socket: Socket;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #over = false;

  constructor(options: Options, owner: TcpConnectionOwner) {
    this.#options = options;
    this.#owner = owner;
    this.host = options.host;
    const { host, stats, limits } = options;
    limits.connections.take();
    stats.cxTotal.increment();
    stats.cxActive.increment();
    stats.rqPendingTotal.increment();
    stats.rqPendingActive.increment();
    host.counters.cx_total++;
    host.gauges.cx_active++;
    this.#socket = connect({ host: host.address, port: host.port, noDelay: true, allowHalfOpen: true });
    this.#socket.pause();
    this.#socket.once('connect', () => this.#onConnect());
    this.#socket.on('error', error => this.#onError('connection-failure', describeConnectError(error)));
    this.#timer = setTimeout(() => this.#onTimeout(), options.connectTimeoutMs);
  }

  #onConnect(): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    const { stats, host, highMark } = this.#options;
    stats.cxConnectMs.record(Math.round(performance.now() - this.#startedMs));
    stats.rqPendingActive.decrement();
    stats.rqTotal.increment();
    stats.rqActive.increment();
    host.counters.rq_total++;
    host.gauges.rq_active++;
    this.transport = openTransport(this.#socket, highMark);
    this.#owner.onConnected(this.transport);
  }

  #onTimeout(): void {
    this.#options.stats.cxConnectTimeout.increment();
    this.#onError('connection-timeout', '');
  }

  #onError(failure: ConnectFailure, transportFailure: string): void {
    if (this.#over || this.transport !== undefined) return;
    const { stats, host } = this.#options;
    stats.cxConnectFail.increment();
    stats.rqPendingFailureEject.increment();
    host.counters.cx_connect_fail++;
    this.#socket.destroy();
    this.#release(failure === 'connection-failure');
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
    if (this.#over) return;
    if (this.transport === undefined) {
      this.#options.stats.rqCancelled.increment();
      this.#socket.destroy();
    } else this.transport.destroy();
    this.#release(false);
  }

  #release(byPeer: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    const { stats, host, limits } = this.#options;
    limits.connections.give();
    stats.cxActive.decrement();
    host.gauges.cx_active--;
    stats.cxDestroy.increment();
    (byPeer ? stats.cxDestroyRemote : stats.cxDestroyLocal).increment();
    stats.cxLengthMs.record(Math.round(performance.now() - this.#startedMs));
    if (this.transport === undefined) stats.rqPendingActive.decrement();
    else {
      stats.rqActive.decrement();
      host.gauges.rq_active--;
      stats.cxRxBytes.add(this.transport.bytesRead);
      stats.cxTxBytes.add(this.transport.bytesWritten);
      stats.cxDestroyWithActive.increment();
      (byPeer ? stats.cxDestroyRemoteWithActive : stats.cxDestroyLocalWithActive).increment();
    }
  }
}
