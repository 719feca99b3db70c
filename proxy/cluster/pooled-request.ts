import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import { httpStatusOf, isGrpc } from '../http/grpc.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import type { ClientConnection } from '../http1/client-connection.ts';
import type { Attempt } from '../stream-info.ts';
import { resetFlag } from '../upstream/resets.ts';
import type { Exchange } from '../upstream/upstream.ts';
import type { Pool, PooledConnection } from './pool.ts';

/** A request on its way through the pool: waits, then is carried by a connection. */
export class PooledRequest implements RequestSender, ResponseReceiver {
  readonly #pool: Pool;
  readonly #exchange: Exchange;
  readonly #receiver: ResponseReceiver;
  #end: boolean;
  #connection: ClientConnection | undefined;
  #waiting: Buffer[] | undefined;
  #waitingBytes = 0;
  #trailers: HeaderMap | undefined;
  #congested = false;
  #over = false;
  readonly #attempt: Attempt;

  constructor(pool: Pool, exchange: Exchange, end: boolean, receiver: ResponseReceiver) {
    this.#pool = pool;
    this.#exchange = exchange;
    this.#end = end;
    this.#receiver = receiver;
    this.#attempt = beginAttempt(exchange, pool.options.host.name);
  }

  start(connection: ClientConnection, pooled: PooledConnection): void {
    this.#connection = connection;
    const { info } = this.#exchange;
    info.upstreamLocalAddress = pooled.localAddress;
    info.upstreamConnectionId = pooled.id;
    info.upstreamTls = pooled.tls;
    this.#pool.options.host.outlier?.connected(false);
    const headEnds = this.#end && this.#waiting === undefined && this.#trailers === undefined;
    connection.start(this.#exchange.head, headEnds, this);
    if (!headEnds) this.#sendWaiting(connection);
  }

  #sendWaiting(connection: ClientConnection): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    const trailers = this.#trailers;
    for (let i = 0; i < waiting.length; i++) {
      connection.sendData(waiting[i]!, this.#end && trailers === undefined && i === waiting.length - 1);
    }
    if (trailers !== undefined) connection.sendTrailers(trailers);
    if (this.#congested && !connection.transport.congested) this.onUpstreamCongested(false);
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.#end = end;
    if (this.#connection !== undefined) {
      this.#connection.sendData(chunk, end);
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push(Buffer.from(chunk));
    this.#waitingBytes += chunk.length;
    if (!end && this.#waitingBytes > this.#pool.options.highMark && !this.#congested) this.onUpstreamCongested(true);
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#over) return;
    this.#end = true;
    if (this.#connection !== undefined) this.#connection.sendTrailers(trailers);
    else this.#trailers = trailers;
  }

  cancel(): void {
    if (this.#over) return;
    this.#finish();
    if (this.#connection !== undefined) this.#connection.cancel();
    else if (this.#pool.forgetPending(this)) this.#pool.options.stats.rqCancelled.increment();
  }

  pauseReading(): void {
    if (this.#over || this.#connection === undefined) return;
    this.#pool.options.stats.flowPaused.increment();
    this.#connection.pauseReading();
  }

  resumeReading(): void {
    if (this.#over || this.#connection === undefined) return;
    this.#pool.options.stats.flowResumed.increment();
    this.#connection.resumeReading();
  }

  /** It never got a connection. */
  fail(reason: ResetReason, transportFailure: string): void {
    if (this.#over) return;
    this.#finish();
    this.#attempt.flags |= resetFlag[reason];
    // What the breakers refuse says nothing of the host.
    if (reason !== 'overflow') this.#pool.options.host.outlier?.failed();
    this.#receiver.onReset(reason, transportFailure);
  }

  onSent(): void {
    this.#receiver.onSent();
  }

  onInterim(head: ResponseHeaders): void {
    this.#receiver.onInterim(head);
  }

  onHead(head: ResponseHeaders, end: boolean): void {
    this.#attempt.status = head.status;
    const { outlier, activeCheck } = this.#pool.options.host;
    if (outlier !== undefined) outlier.responded(this.#meaningOf(head));
    if (activeCheck !== undefined && head.has('x-envoy-immediate-health-check-fail')) activeCheck.failedAtOnce();
    if (end) this.#finish();
    this.#receiver.onHead(head, end);
  }

  /** The status; of gRPC, what its own means, where it is told before the trailers. */
  #meaningOf(head: ResponseHeaders): number {
    const grpcStatus = head.get('grpc-status');
    return grpcStatus !== undefined && isGrpc(this.#exchange.head) ? httpStatusOf(grpcStatus) : head.status;
  }

  onData(chunk: Buffer, end: boolean): void {
    if (end) this.#finish();
    this.#receiver.onData(chunk, end);
  }

  onTrailers(trailers: HeaderMap): void {
    this.#finish();
    this.#receiver.onTrailers(trailers);
  }

  onReset(reason: ResetReason, transportFailure: string): void {
    if (this.#over) return;
    this.#finish();
    this.#attempt.flags |= resetFlag[reason];
    this.#pool.options.host.outlier?.failed();
    if (reason === 'remote-reset') this.#pool.options.stats.rqRxReset.increment();
    this.#receiver.onReset(reason, transportFailure);
  }

  #finish(): void {
    this.#over = true;
    this.#attempt.durationMs = this.#exchange.elapsedMs() - this.#attempt.startMs;
  }

  onUpstreamCongested(congested: boolean): void {
    if (this.#congested === congested) return;
    this.#congested = congested;
    const { stats } = this.#pool.options;
    (congested ? stats.flowBackedUp : stats.flowDrained).increment();
    this.#receiver.onUpstreamCongested(congested);
  }
}

/** Notes that a try at `host` begins now. */
export function beginAttempt(exchange: Exchange, host: string): Attempt {
  const attempt: Attempt = { host, status: 0, flags: 0, startMs: exchange.elapsedMs(), durationMs: -1 };
  exchange.info.attempts.push(attempt);
  return attempt;
}
