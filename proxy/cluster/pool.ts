/**
 * Connections to one host, kept for the next request. Breakers are asked here, since Envoy counts by what a connection does:
 * a request takes from `pendingRequests` while it waits for a connection, then from `requests`.
 */
import { type DeadlineQueue, deadlineQueue } from '../deadlines.ts';
import type { HeadLimits, RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { Http1Options } from '../http1/options.ts';
import type { Http2Context } from '../http2/context.ts';
import { resetFlag } from '../upstream/resets.ts';
import { deadSender, type Exchange } from '../upstream/upstream.ts';
import { PooledConnection } from './pooled-connection.ts';
import { beginAttempt, PooledRequest } from './pooled-request.ts';
import type { UpstreamSocketOptions } from './upstream-socket.ts';

/** `auto`: what the handshake agrees on. */
export type PoolProtocol = 'HTTP/1.1' | 'HTTP/2' | 'auto';

/** What each offers by ALPN. */
export const offeredProtocols: Readonly<Record<PoolProtocol, readonly string[]>> = {
  'HTTP/1.1': ['http/1.1'],
  'HTTP/2': ['h2'],
  auto: ['h2', 'http/1.1'],
};

export interface PoolOptions extends UpstreamSocketOptions {
  protocol: PoolProtocol;
  /** What connections of HTTP/2 share. */
  http2: () => Http2Context;
  idleTimeoutMs: number;
  maxRequestsPerConnection: number;
  /** 0: for ever. */
  maxConnectionDurationMs: number;
  /** For so many times the requests that there are, connections are made ahead. */
  preconnectRatio: number;
  /** Of responses. */
  limitsOfHeads: HeadLimits;
  http1: Http1Options;
}

/** Connections made for one request. */
const mostAtOnce = 3;

export class Pool {
  readonly options: PoolOptions;
  /** Connections that take another request, the most recently used last. */
  readonly #ready: PooledConnection[] = [];
  readonly #pending: PooledRequest[] = [];
  readonly #all = new Set<PooledConnection>();
  #connecting = 0;
  /** Requests that a connection which is being made is believed to take. */
  readonly #expectedCapacity: number;
  #draining = false;
  readonly #idleQueue: DeadlineQueue | undefined;

  constructor(options: PoolOptions) {
    this.options = options;
    this.#expectedCapacity = options.protocol === 'HTTP/2' ? options.http2().options.maxConcurrentStreams : 1;
    this.#idleQueue = options.idleTimeoutMs > 0 ? deadlineQueue(options.idleTimeoutMs) : undefined;
  }

  /** Sends a request on a connection that takes one, or has it wait for one. */
  open(exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender {
    const { stats, limits } = this.options;
    const ready = this.#ready.at(-1);
    if (ready !== undefined) {
      if (!limits.requests.available) return this.#overflow(exchange, receiver, 'max_requests');
      const request = new PooledRequest(this, exchange, end, receiver);
      this.#attach(ready, request);
      if (this.options.preconnectRatio > 1) this.#connectIfNeeded();
      return request;
    }
    if (!limits.pendingRequests.available) {
      // As in Envoy: it never came to a host.
      exchange.info.upstreamHost = '';
      exchange.info.upstreamHostname = '';
      return this.#overflow(exchange, receiver, 'max_pending_requests');
    }
    const request = new PooledRequest(this, exchange, end, receiver);
    limits.pendingRequests.take();
    stats.rqPendingTotal.increment();
    stats.rqPendingActive.increment();
    this.options.host.gauges.rq_pending_active++;
    this.#pending.push(request);
    this.#connectIfNeeded();
    return request;
  }

  #overflow(
    exchange: Exchange,
    receiver: ResponseReceiver,
    breaker: 'max_requests' | 'max_pending_requests',
  ): RequestSender {
    const { stats, limits } = this.options;
    const [counter, limit] =
      breaker === 'max_requests'
        ? [stats.rqActiveOverflow, limits.requests]
        : [stats.rqPendingOverflow, limits.pendingRequests];
    exchange.info.decisions?.overflowed(breaker, limit.maximum);
    const attempt = beginAttempt(exchange, this.options.host);
    attempt.flags = resetFlag.overflow;
    attempt.durationMs = 0;
    counter.increment();
    receiver.onReset('overflow', '');
    return deadSender;
  }

  #connectIfNeeded(): void {
    for (let made = 0; made < mostAtOnce && this.#isConnectionNeeded(); made++) if (!this.#connect()) return;
  }

  #isConnectionNeeded(): boolean {
    const { preconnectRatio: ratio, host } = this.options;
    const connecting = this.#connecting * this.#expectedCapacity;
    if (ratio === 1 || host.health !== 'healthy') return this.#pending.length > connecting;
    let [active, free] = [0, 0];
    for (const pooled of this.#all) active += pooled.active;
    for (const pooled of this.#ready) free += pooled.capacity;
    return (this.#pending.length + active) * ratio > connecting + free + active;
  }

  #connect(): boolean {
    const { limits, stats, host } = this.options;
    if (!limits.connections.available || host.gauges.cx_active >= limits.thresholds.maxConnectionsPerHost) {
      stats.cxOverflow.increment();
      // A pool that has no connection at all gets one in spite of the limit: its requests would never be served.
      if (this.#all.size > 0) return false;
    }
    this.#connecting++;
    this.#all.add(new PooledConnection(this));
    return true;
  }

  #attach(pooled: PooledConnection, request: PooledRequest): void {
    pooled.attach(request);
    if (pooled.capacity === 0) this.#retract(pooled);
  }

  /** It takes no further request for now. */
  #retract(pooled: PooledConnection): void {
    const at = this.#ready.lastIndexOf(pooled);
    if (at >= 0) this.#ready.splice(at, 1);
  }

  /** Further requests may use the connection: the oldest that wait, if any. */
  offer(pooled: PooledConnection): void {
    while (pooled.capacity > 0) {
      const request = this.#nextPending();
      if (request === undefined) break;
      this.#attach(pooled, request);
    }
    if (this.#draining) {
      if (pooled.idle) pooled.close();
      return;
    }
    if (pooled.capacity > 0 && !this.#ready.includes(pooled)) this.#ready.push(pooled);
    if (pooled.idle && this.#idleQueue !== undefined) pooled.deadline.set(this.#idleQueue);
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
    this.onGoingAway(pooled);
  }

  /** It takes no request any more. */
  onGoingAway(pooled: PooledConnection): void {
    this.#retract(pooled);
    if (this.#pending.length > 0) this.#connectIfNeeded();
  }

  /** A request that a connection carried is over and another may follow. */
  onReusable(pooled: PooledConnection): void {
    const { maxRequestsPerConnection, stats } = this.options;
    if (maxRequestsPerConnection === 0 || pooled.requests < maxRequestsPerConnection) this.offer(pooled);
    else if (pooled.idle) {
      stats.cxMaxRequests.increment();
      pooled.close();
    }
  }

  /** Whether it holds nothing, and nobody waits for it. */
  get unused(): boolean {
    return this.#all.size === 0 && this.#pending.length === 0;
  }

  /** The host left: idle connections close now, the others after their request. */
  drain(): void {
    this.#draining = true;
    for (const pooled of this.#ready.splice(0)) if (pooled.idle) pooled.close();
  }

  destroy(): void {
    this.#draining = true;
    for (const pooled of [...this.#all]) pooled.close();
  }
}
