/**
 * Connections to one host, kept for the next request. Breakers are asked here, since Envoy counts by what a connection does:
 * a request takes from `pendingRequests` while it waits for a connection, then from `requests`.
 */
import { Deadline, type DeadlineQueue, deadlineQueue, type Limited } from '../deadlines.ts';
import { defaultLimits, type RequestSender, type ResetReason, type ResponseReceiver } from '../http/codec.ts';
import { ClientConnection, type ClientConnectionOwner } from '../http1/client-connection.ts';
import type { Transport } from '../net/transport.ts';
import type { Counter } from '../stats/stats.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import { resetFlag } from '../upstream/resets.ts';
import { deadSender, type Exchange } from '../upstream/upstream.ts';
import { beginAttempt, PooledRequest } from './pooled-request.ts';
import {
  type ConnectFailure,
  UpstreamSocket,
  type UpstreamSocketOptions,
  type UpstreamSocketOwner,
} from './upstream-socket.ts';

export interface PoolOptions extends UpstreamSocketOptions {
  idleTimeoutMs: number;
  maxRequestsPerConnection: number;
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

/** A connection that carries one request after the other. */
export class PooledConnection implements ClientConnectionOwner, UpstreamSocketOwner, Limited {
  readonly deadline: Deadline = new Deadline(this);
  requests = 0;
  readonly #pool: Pool;
  readonly #socket: UpstreamSocket;
  #connection: ClientConnection | undefined;
  #withRequest = false;

  constructor(pool: Pool) {
    this.#pool = pool;
    pool.options.stats.cxHttp1Total.increment();
    this.#socket = new UpstreamSocket(pool.options, this, false);
  }

  get id(): number {
    return this.#socket.id;
  }

  get localAddress(): string {
    return this.#socket.transport?.localAddress ?? '';
  }

  get tls(): TlsFacts | undefined {
    return this.#socket.tls;
  }

  onConnected(transport: Transport): void {
    this.#connection = new ClientConnection(transport, this, defaultLimits);
    this.#pool.onConnected(this);
  }

  onConnectFailed(failure: ConnectFailure, transportFailure: string): void {
    this.#pool.options.stats.rqPerCx.record(0);
    this.#pool.onConnectFailed(this, failure, transportFailure);
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
  }

  onExchangeDone(reusable: boolean): void {
    this.#finishRequest();
    if (reusable) this.#pool.onReusable(this);
  }

  onProtocolError(): void {
    this.#pool.options.stats.cxProtocolError.increment();
  }

  onConnectionClosed(byPeer: boolean): void {
    if (this.#socket.over) return;
    const active = this.#withRequest;
    this.#finishRequest();
    this.#release(byPeer, active);
    this.#pool.onClosed(this);
  }

  #release(byPeer: boolean, active: boolean): void {
    if (this.#socket.over) return;
    this.deadline.clear();
    this.#socket.release(byPeer, active);
    this.#pool.options.stats.rqPerCx.record(this.requests);
  }

  /** Nobody needed it for so long that it goes. */
  onDeadline(): void {
    this.#pool.options.stats.cxIdleTimeout.increment();
    this.close();
  }

  close(): void {
    if (this.#connection !== undefined) this.#connection.close();
    else {
      this.#socket.destroy();
      this.#release(false, false);
    }
  }
}
