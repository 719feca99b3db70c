import type { ClientCodec, RequestSender, ResetReason, ResponseReceiver, SentRequest } from '../http/codec.ts';
import { httpStatusOf, isGrpc } from '../http/grpc.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import { WireBytes } from '../http/wire-bytes.ts';
import type { Attempt } from '../stream-info.ts';
import { resetFlag } from '../upstream/resets.ts';
import type { Exchange } from '../upstream/upstream.ts';
import type { Host } from './host.ts';
import type { Pool } from './pool.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** A request on its way through the pool: waits, then is carried by a connection. */
export class PooledRequest implements RequestSender, ResponseReceiver {
  readonly #pool: Pool;
  readonly #exchange: Exchange;
  readonly #receiver: ResponseReceiver;
  #end: boolean;
  #sent: SentRequest | undefined;
  /** Whether giving it up resets a stream, and not its connection. */
  #hasStream = false;
  #waiting: Buffer[] | undefined;
  #waitingBytes = 0;
  #trailers: HeaderMap | undefined;
  #congested = false;
  #over = false;
  readonly bytes: WireBytes;
  readonly #attempt: Attempt;

  constructor(pool: Pool, exchange: Exchange, end: boolean, receiver: ResponseReceiver) {
    this.#pool = pool;
    this.#exchange = exchange;
    this.#end = end;
    this.#receiver = receiver;
    exchange.info.upstreamBytes ??= new WireBytes();
    this.bytes = exchange.info.upstreamBytes;
    this.#attempt = beginAttempt(exchange, pool.options.host);
  }

  start(connection: ClientCodec, pooled: PooledConnection): void {
    const { info } = this.#exchange;
    info.upstreamLocalAddress = pooled.localAddress;
    info.upstreamConnectionId = pooled.id;
    info.upstreamTls = pooled.tls;
    info.upstreamTimes = pooled.times;
    this.#noteWait();
    info.upstreamProtocol = pooled.protocol;
    this.#attempt.connectionId = pooled.id;
    this.#pool.options.host.outlier?.connected(false);
    const headEnds = this.#end && this.#waiting === undefined && this.#trailers === undefined;
    this.#hasStream = connection.protocol === 'HTTP/2';
    this.#exchange.meets?.(this.#pool.options.host);
    this.#sent = connection.start(this.#exchange.head, headEnds, this);
    if (!headEnds) this.#sendWaiting(this.#sent);
  }

  #sendWaiting(sent: SentRequest): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    const trailers = this.#trailers;
    for (let i = 0; i < waiting.length; i++) {
      sent.sendData(waiting[i]!, this.#end && trailers === undefined && i === waiting.length - 1);
    }
    if (trailers !== undefined) sent.sendTrailers(trailers);
    if (this.#congested && !sent.congested) this.onUpstreamCongested(false);
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.#end = end;
    if (this.#sent !== undefined) {
      this.#sent.sendData(chunk, end);
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
    if (this.#sent !== undefined) this.#sent.sendTrailers(trailers);
    else this.#trailers = trailers;
  }

  cancel(): void {
    if (this.#over) return;
    this.#finish();
    if (this.#sent !== undefined) {
      this.#sent.cancel();
      if (this.#hasStream) this.#pool.options.stats.rqTxReset.increment();
    } else if (this.#pool.forgetPending(this)) this.#pool.options.stats.rqCancelled.increment();
  }

  pauseReading(): void {
    if (this.#over || this.#sent === undefined) return;
    this.#pool.options.stats.flowPaused.increment();
    this.#sent.pauseReading();
  }

  resumeReading(): void {
    if (this.#over || this.#sent === undefined) return;
    this.#pool.options.stats.flowResumed.increment();
    this.#sent.resumeReading();
  }

  #noteWait(): void {
    this.#exchange.info.poolReadyMs = this.#exchange.elapsedMs() - this.#attempt.startMs;
  }

  /** It never got a connection. */
  fail(reason: ResetReason, transportFailure: string): void {
    if (this.#over) return;
    this.#finish();
    this.#noteWait();
    this.#attempt.flags |= resetFlag[reason];
    // What the breakers refuse says nothing of the host.
    if (reason !== 'overflow') this.#pool.options.host.outlier?.failed();
    else this.#exchange.info.decisions?.overflowed('max_requests', this.#pool.options.limits.requests.maximum);
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
export function beginAttempt(exchange: Exchange, { name, hostname }: Host): Attempt {
  const attempt: Attempt = {
    host: name,
    hostname,
    connectionId: 0,
    status: 0,
    flags: 0,
    startMs: exchange.elapsedMs(),
    durationMs: -1,
  };
  exchange.info.attempts.push(attempt);
  return attempt;
}
