/**
 * Connections to one host, kept for the next request. Breakers are asked here, since Envoy counts by what a connection does:
 * a request takes from `pendingRequests` while it waits for a connection, then from `requests`.
 */
import { connect } from 'node:net';
import { Deadline, type DeadlineQueue, deadlineQueue, type Limited } from '../deadlines.ts';
import { defaultLimits, type RequestSender, type ResetReason, type ResponseReceiver } from '../http/codec.ts';
import { ClientConnection, type ClientConnectionOwner } from '../http1/client-connection.ts';
import { openTransport } from '../net/handle-transport.ts';
import type { Counter } from '../stats/stats.ts';
import { resetFlag } from '../upstream/resets.ts';
import { deadSender, type Exchange } from '../upstream/upstream.ts';
import type { ClusterStats } from './cluster-stats.ts';
import type { Host } from './host.ts';
import { beginAttempt, PooledRequest } from './pooled-request.ts';
import type { ResourceLimits } from './resource-limits.ts';

export interface PoolOptions {
  host: Host;
  stats: ClusterStats;
  limits: ResourceLimits;
  connectTimeoutMs: number;
  idleTimeoutMs: number;
  maxRequestsPerConnection: number;
  highMark: number;
}

export class Pool {
  readonly options: PoolOptions;
  /** Most recently used last. */
  readonly #idle: PooledConnection[] = [];
  readonly #pending: PooledRequest[] = [];
  readonly #all = new Set<PooledConnection>();
  #connecting = 0;
  #draining = false;
  readonly #idleQueue: DeadlineQueue | undefined;

  constructor(options: PoolOptions) {
    this.options = options;
    this.#idleQueue = options.idleTimeoutMs > 0 ? deadlineQueue(options.idleTimeoutMs) : undefined;
  }

  /** Sends a request on a connection that is idle, or has it wait for one. */
  open(exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender {
    const { stats, limits } = this.options;
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      if (!limits.requests.available) {
        this.#idle.push(idle);
        return this.#overflow(exchange, receiver, stats.rqActiveOverflow);
      }
      const request = new PooledRequest(this, exchange, end, receiver);
      idle.attach(request);
      return request;
    }
    if (!limits.pendingRequests.available) return this.#overflow(exchange, receiver, stats.rqPendingOverflow);
    const request = new PooledRequest(this, exchange, end, receiver);
    limits.pendingRequests.take();
    stats.rqPendingTotal.increment();
    stats.rqPendingActive.increment();
    this.options.host.gauges.rq_pending_active++;
    this.#pending.push(request);
    this.#connectIfNeeded();
    return request;
  }

  #overflow(exchange: Exchange, receiver: ResponseReceiver, counter: Counter): RequestSender {
    const attempt = beginAttempt(exchange, this.options.host.name);
    attempt.flags = resetFlag.overflow;
    attempt.durationMs = 0;
    counter.increment();
    receiver.onReset('overflow', '');
    return deadSender;
  }

  #connectIfNeeded(): void {
    const { limits, stats } = this.options;
    if (this.#pending.length <= this.#connecting) return;
    if (!limits.connections.available) {
      stats.cxOverflow.increment();
      // A pool that has no connection at all gets one in spite of the limit: its requests would never be served.
      if (this.#all.size > 0) return;
    }
    this.#connecting++;
    this.#all.add(new PooledConnection(this));
  }

  /** Another request may use the connection: the oldest that waits, if any. */
  offer(pooled: PooledConnection): void {
    const request = this.#nextPending();
    if (request === undefined && this.#draining) pooled.close();
    else if (request === undefined) {
      this.#idle.push(pooled);
      if (this.#idleQueue !== undefined) pooled.deadline.set(this.#idleQueue);
    } else pooled.attach(request);
  }

  #nextPending(): PooledRequest | undefined {
    const { limits, stats } = this.options;
    for (;;) {
      const request = this.#pending.shift();
      if (request === undefined) return undefined;
      limits.pendingRequests.give();
      stats.rqPendingActive.decrement();
      this.options.host.gauges.rq_pending_active--;
      if (limits.requests.available) return request;
      stats.rqActiveOverflow.increment();
      request.fail('overflow', '');
    }
  }

  forgetPending(request: PooledRequest): boolean {
    const at = this.#pending.indexOf(request);
    if (at < 0) return false;
    this.#pending.splice(at, 1);
    this.options.limits.pendingRequests.give();
    this.options.stats.rqPendingActive.decrement();
    this.options.host.gauges.rq_pending_active--;
    return true;
  }

  onConnected(pooled: PooledConnection): void {
    this.#connecting--;
    this.offer(pooled);
  }

  /** A connection could not be made: all that wait hear of it, since the host is likely gone. */
  onConnectFailed(pooled: PooledConnection, reason: ResetReason, transportFailure: string): void {
    const { stats, limits } = this.options;
    this.#connecting--;
    this.#all.delete(pooled);
    const failed = this.#pending.splice(0);
    for (const request of failed) {
      limits.pendingRequests.give();
      stats.rqPendingActive.decrement();
      this.options.host.gauges.rq_pending_active--;
      stats.rqPendingFailureEject.increment();
      request.fail(reason, transportFailure);
    }
  }

  onClosed(pooled: PooledConnection): void {
    this.#all.delete(pooled);
    const at = this.#idle.indexOf(pooled);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#pending.length > 0) this.#connectIfNeeded();
  }

  /** The request that a connection carried is over and another may follow. */
  onReusable(pooled: PooledConnection): void {
    const { maxRequestsPerConnection, stats } = this.options;
    if (maxRequestsPerConnection > 0 && pooled.requests >= maxRequestsPerConnection) {
      stats.cxMaxRequests.increment();
      pooled.close();
    } else if (this.#draining) pooled.close();
    else this.offer(pooled);
  }

  /** The host left: idle connections close now, the others after their request. */
  drain(): void {
    this.#draining = true;
    for (const pooled of this.#idle.splice(0)) pooled.close();
  }

  destroy(): void {
    this.#draining = true;
    for (const pooled of [...this.#all]) pooled.close();
  }
}

let nextConnectionId = 1;

/** Numbers the connections to hosts, whoever makes them. */
export function nextUpstreamConnectionId(): number {
  return nextConnectionId++;
}

/** A connection with its stats and timers. */
export class PooledConnection implements ClientConnectionOwner, Limited {
  readonly deadline: Deadline = new Deadline(this);
  readonly id: number = nextUpstreamConnectionId();
  requests = 0;
  readonly #pool: Pool;
  readonly #socket;
  readonly #startedMs = performance.now();
  #connection: ClientConnection | undefined;
  #connectTimer: NodeJS.Timeout | undefined;
  #connected = false;
  #over = false;
  #withRequest = false;
  #countedRead = 0;
  #countedWritten = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
    const { host, stats, limits, connectTimeoutMs } = pool.options;
    limits.connections.take();
    stats.cxTotal.increment();
    stats.cxHttp1Total.increment();
    stats.cxActive.increment();
    host.counters.cx_total++;
    host.gauges.cx_active++;
    const socket = connect({ host: host.address, port: host.port, noDelay: true });
    this.#socket = socket;
    socket.pause();
    socket.once('connect', () => this.#onConnect());
    socket.once('error', error => this.#onConnectError('connection-failure', describeConnectError(error)));
    this.#connectTimer = setTimeout(() => this.#onConnectTimeout(), connectTimeoutMs);
  }

  #onConnect(): void {
    clearTimeout(this.#connectTimer);
    if (this.#over) return;
    this.#connected = true;
    const { stats, highMark } = this.#pool.options;
    stats.cxConnectMs.record(Math.round(performance.now() - this.#startedMs));
    const connection = new ClientConnection(openTransport(this.#socket, highMark), this, defaultLimits);
    this.#connection = connection;
    this.#pool.onConnected(this);
  }

  #onConnectTimeout(): void {
    this.#pool.options.stats.cxConnectTimeout.increment();
    this.#onConnectError('connection-timeout', '');
  }

  #onConnectError(reason: ResetReason, transportFailure: string): void {
    if (this.#connected || this.#over) return;
    clearTimeout(this.#connectTimer);
    const { stats, host } = this.#pool.options;
    stats.cxConnectFail.increment();
    host.counters.cx_connect_fail++;
    this.#socket.destroy();
    this.#release(reason === 'connection-failure');
    this.#pool.onConnectFailed(this, reason, transportFailure);
  }

  get localAddress(): string {
    return this.#connection?.transport.localAddress ?? '';
  }

  /** Starts a request on this idle connection. */
  attach(request: PooledRequest): void {
    const { stats, host, limits } = this.#pool.options;
    this.requests++;
    this.deadline.clear();
    this.#withRequest = true;
    limits.requests.take();
    stats.rqTotal.increment();
    stats.rqActive.increment();
    host.counters.rq_total++;
    host.gauges.rq_active++;
    request.start(this.#connection!, this);
  }

  /** The request that it carried is over. */
  #finishRequest(): void {
    if (!this.#withRequest) return;
    this.#withRequest = false;
    const { stats, host, limits } = this.#pool.options;
    limits.requests.give();
    stats.rqActive.decrement();
    host.gauges.rq_active--;
    this.#countBytes();
  }

  #countBytes(): void {
    const { stats } = this.#pool.options;
    const transport = this.#connection!.transport;
    stats.cxRxBytes.add(transport.bytesRead - this.#countedRead);
    stats.cxTxBytes.add(transport.bytesWritten - this.#countedWritten);
    this.#countedRead = transport.bytesRead;
    this.#countedWritten = transport.bytesWritten;
  }

  onExchangeDone(reusable: boolean): void {
    this.#finishRequest();
    if (reusable) this.#pool.onReusable(this);
  }

  onProtocolError(): void {
    this.#pool.options.stats.cxProtocolError.increment();
  }

  onConnectionClosed(byPeer: boolean): void {
    if (this.#over) return;
    const active = this.#withRequest;
    this.#finishRequest();
    const { stats } = this.#pool.options;
    if (active) {
      stats.cxDestroyWithActive.increment();
      (byPeer ? stats.cxDestroyRemoteWithActive : stats.cxDestroyLocalWithActive).increment();
    }
    this.#release(byPeer);
    this.#pool.onClosed(this);
  }

  #release(byPeer: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.deadline.clear();
    if (this.#connection !== undefined) this.#countBytes();
    const { stats, host, limits } = this.#pool.options;
    limits.connections.give();
    stats.cxActive.decrement();
    host.gauges.cx_active--;
    stats.cxDestroy.increment();
    (byPeer ? stats.cxDestroyRemote : stats.cxDestroyLocal).increment();
    stats.cxLengthMs.record(Math.round(performance.now() - this.#startedMs));
    stats.rqPerCx.record(this.requests);
  }

  /** Nobody needed it for so long that it goes. */
  onDeadline(): void {
    this.#pool.options.stats.cxIdleTimeout.increment();
    this.close();
  }

  close(): void {
    clearTimeout(this.#connectTimer);
    if (this.#connection !== undefined) this.#connection.close();
    else {
      this.#socket.destroy();
      this.#release(false);
    }
  }
}

/** The words that Envoy finds for a connection that failed. */
export function describeConnectError(error: NodeJS.ErrnoException): string {
  return `delayed connect error: ${connectErrors.get(error.code ?? '') ?? error.code ?? error.message}`;
}

const connectErrors = new Map([
  ['ECONNREFUSED', 'Connection refused'],
  ['EHOSTUNREACH', 'No route to host'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ETIMEDOUT', 'Connection timed out'],
  ['ECONNRESET', 'Connection reset by peer'],
]);
