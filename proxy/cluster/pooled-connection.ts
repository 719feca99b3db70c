/** A pool's connection, in the version of HTTP that its host speaks. */
import type { ConnectionTimes } from '../connection-times.ts';
import { Deadline, type Limited } from '../deadlines.ts';
import type { ClientCodec, ClientCodecOwner, HttpVersion } from '../http/codec.ts';
import { ClientConnection } from '../http1/client-connection.ts';
import { Http2ClientConnection } from '../http2/client-connection.ts';
import type { Transport } from '../net/transport.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import type { Pool } from './pool.ts';
import type { PooledRequest } from './pooled-request.ts';
import { type ConnectFailure, UpstreamSocket, type UpstreamSocketOwner } from './upstream-socket.ts';

export class PooledConnection implements ClientCodecOwner, UpstreamSocketOwner, Limited {
  readonly deadline: Deadline = new Deadline(this);
  requests = 0;
  readonly #pool: Pool;
  readonly #socket: UpstreamSocket;
  #codec: ClientCodec | undefined;
  /** As it was agreed on; before, HTTP/1.1. */
  protocol: HttpVersion = 'HTTP/1.1';
  #active = 0;
  #age: NodeJS.Timeout | undefined;
  /** It is too old to take another request. */
  #tooOld = false;

  constructor(pool: Pool) {
    this.#pool = pool;
    if (pool.options.protocol !== 'auto') this.#count(pool.options.protocol);
    this.#socket = new UpstreamSocket(pool.options, this, false);
  }

  get id(): number {
    return this.#socket.id;
  }

  get localAddress(): string {
    return this.#socket.transport?.localAddress ?? '';
  }

  get times(): ConnectionTimes {
    return this.#socket.times;
  }

  get tls(): TlsFacts | undefined {
    return this.#socket.tls;
  }

  #count(version: HttpVersion): void {
    const { stats } = this.#pool.options;
    (version === 'HTTP/2' ? stats.cxHttp2Total : stats.cxHttp1Total).increment();
  }

  /** How many more requests it takes now. */
  get capacity(): number {
    const { maxRequestsPerConnection } = this.#pool.options;
    const capacity = this.#tooOld ? 0 : (this.#codec?.capacity ?? 0);
    if (maxRequestsPerConnection === 0) return capacity;
    return Math.min(capacity, maxRequestsPerConnection - this.requests);
  }

  /** How many requests it carries. */
  get active(): number {
    return this.#active;
  }

  get idle(): boolean {
    return this.#active === 0;
  }

  onConnected(transport: Transport): void {
    const { protocol, http1, http2, limitsOfHeads, maxConnectionDurationMs } = this.#pool.options;
    if (maxConnectionDurationMs > 0) this.#age = setTimeout(() => this.#onMaxDuration(), maxConnectionDurationMs);
    const agreed: HttpVersion = this.tls?.applicationProtocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1';
    if (protocol === 'auto') this.#count(agreed);
    this.protocol = protocol === 'auto' ? agreed : protocol;
    this.#codec =
      this.protocol === 'HTTP/2'
        ? new Http2ClientConnection(transport, this, http2())
        : new ClientConnection(transport, this, limitsOfHeads, http1);
    this.#pool.onConnected(this);
  }

  #onMaxDuration(): void {
    this.#pool.options.stats.cxMaxDurationReached.increment();
    this.#tooOld = true;
    this.#pool.onGoingAway(this);
    if (this.idle) this.close();
  }

  onConnectFailed(failure: ConnectFailure, transportFailure: string): void {
    this.#pool.options.stats.rqPerCx.record(0);
    this.#pool.onConnectFailed(this, failure, transportFailure);
  }

  /** Starts a request; only where there is capacity. */
  attach(request: PooledRequest): void {
    const { stats, host, limits } = this.#pool.options;
    this.requests++;
    this.deadline.clear();
    this.#active++;
    limits.requests.take();
    stats.rqTotal.increment();
    stats.rqActive.increment();
    host.counters.rq_total++;
    host.beginRequest();
    request.start(this.#codec!, this);
  }

  #giveBack(requests: number): void {
    const { stats, host, limits } = this.#pool.options;
    for (let i = 0; i < requests; i++) {
      limits.requests.give();
      stats.rqActive.decrement();
      host.endRequest();
    }
  }

  onExchangeDone(reusable: boolean): void {
    // A connection that closed gave all back at once.
    if (this.#active === 0) return;
    this.#active--;
    this.#giveBack(1);
    if (this.#tooOld && this.idle) this.close();
    else if (reusable) this.#pool.onReusable(this);
  }

  onProtocolError(): void {
    this.#pool.options.stats.cxProtocolError.increment();
  }

  onGoAway(): void {
    this.#pool.options.stats.cxCloseNotify.increment();
    this.#pool.onGoingAway(this);
  }

  onCapacityChanged(): void {
    this.#pool.offer(this);
  }

  onConnectionClosed(byPeer: boolean): void {
    if (this.#socket.over) return;
    const active = this.#active;
    this.#active = 0;
    this.#giveBack(active);
    this.#release(byPeer, active > 0);
    this.#pool.onClosed(this);
  }

  #release(byPeer: boolean, active: boolean): void {
    if (this.#socket.over) return;
    this.deadline.clear();
    clearTimeout(this.#age);
    this.#socket.release(byPeer, active);
    this.#pool.options.stats.rqPerCx.record(this.requests);
  }

  /** Nobody needed it for so long that it goes. */
  onDeadline(): void {
    this.#pool.options.stats.cxIdleTimeout.increment();
    this.close();
  }

  close(): void {
    if (this.#codec !== undefined) this.#codec.close();
    else {
      this.#socket.destroy();
      this.#release(false, false);
    }
  }
}
