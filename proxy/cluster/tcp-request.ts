/** A request that ends here: its data go to a host as they are, over TCP, and what the host sends is the response's body. */
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import { ResponseHeaders } from '../http/headers.ts';
import type { Transport, TransportHandler } from '../net/transport.ts';
import type { Attempt } from '../stream-info.ts';
import { resetFlag } from '../upstream/resets.ts';
import { deadSender, type Exchange } from '../upstream/upstream.ts';
import { beginAttempt } from './pooled-request.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { ConnectFailure, UpstreamSocketOptions, UpstreamSocketOwner } from './upstream-socket.ts';

const nothing = Buffer.alloc(0);

/** Begins to connect for a request, where the breakers let it. */
export function openTcp(
  options: UpstreamSocketOptions,
  exchange: Exchange,
  end: boolean,
  receiver: ResponseReceiver,
): RequestSender {
  if (options.limits.connections.available) return new TcpRequest(options, exchange, end, receiver);
  const attempt = beginAttempt(exchange, options.host);
  attempt.flags = resetFlag.overflow;
  attempt.durationMs = 0;
  options.stats.cxOverflow.increment();
  exchange.info.decisions?.overflowed('max_connections', options.limits.connections.maximum);
  receiver.onReset('overflow', '');
  return deadSender;
}

class TcpRequest implements RequestSender, UpstreamSocketOwner, TransportHandler {
  readonly #options: UpstreamSocketOptions;
  readonly #exchange: Exchange;
  readonly #receiver: ResponseReceiver;
  readonly #attempt: Attempt;
  readonly #connection: TcpConnection;
  /** What came before there was a connection. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #requestDone: boolean;
  #congested = false;
  #over = false;

  /** @param end the request has no data */
  constructor(options: UpstreamSocketOptions, exchange: Exchange, end: boolean, receiver: ResponseReceiver) {
    this.#options = options;
    this.#exchange = exchange;
    this.#receiver = receiver;
    this.#requestDone = end;
    this.#attempt = beginAttempt(exchange, options.host);
    this.#connection = new TcpConnection(options, this);
  }

  onConnected(transport: Transport): void {
    const { info, head } = this.#exchange;
    info.upstreamLocalAddress = transport.localAddress;
    info.upstreamConnectionId = this.#connection.id;
    info.upstreamTls = this.#connection.tls;
    info.upstreamTimes = this.#connection.times;
    this.#noteWait();
    transport.handler = this;
    for (const chunk of this.#waiting.splice(0)) transport.write(chunk);
    if (this.#requestDone) transport.end();
    if (!transport.congested) this.#tellCongestion(false);
    this.#receiver.onSent();
    const answer = new ResponseHeaders(200);
    answer.upgraded = head.method === 'CONNECT';
    this.#attempt.status = answer.status;
    this.#receiver.onHead(answer, false);
  }

  onConnectFailed(failure: ConnectFailure, transportFailure: string): void {
    if (this.#over) return;
    this.#finish();
    this.#noteWait();
    this.#attempt.flags |= resetFlag[failure];
    this.#receiver.onReset(failure, transportFailure);
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.#requestDone = end;
    const { transport } = this.#connection;
    if (transport === undefined) {
      this.#waiting.push(Buffer.from(chunk));
      this.#waitingBytes += chunk.length;
      if (this.#waitingBytes > this.#options.highMark) this.#tellCongestion(true);
      return;
    }
    transport.write(chunk);
    if (end) transport.end();
    else if (transport.congested) this.#tellCongestion(true);
  }

  /** TCP has none. */
  sendTrailers(): void {
    this.sendData(nothing, true);
  }

  cancel(): void {
    if (this.#over) return;
    this.#finish();
    this.#connection.close();
  }

  pauseReading(): void {
    if (!this.#over) this.#connection.pauseReading();
  }

  resumeReading(): void {
    if (!this.#over) this.#connection.resumeReading();
  }

  onRead(chunk: Buffer): void {
    if (!this.#over) this.#receiver.onData(chunk, false);
  }

  onEnd(): void {
    if (this.#over) return;
    this.#finish();
    this.#receiver.onData(nothing, true);
    this.#connection.close();
  }

  onDrain(): void {
    this.#tellCongestion(false);
  }

  onClose(): void {
    if (this.#over) return;
    this.#finish();
    this.#connection.onClosed(true);
    this.#attempt.flags |= resetFlag['connection-termination'];
    this.#receiver.onReset('connection-termination', '');
  }

  #noteWait(): void {
    this.#exchange.info.poolReadyMs = this.#exchange.elapsedMs() - this.#attempt.startMs;
  }

  #tellCongestion(congested: boolean): void {
    if (this.#congested === congested) return;
    this.#congested = congested;
    const { stats } = this.#options;
    (congested ? stats.flowBackedUp : stats.flowDrained).increment();
    this.#receiver.onUpstreamCongested(congested);
  }

  #finish(): void {
    this.#over = true;
    this.#waiting = [];
    this.#attempt.durationMs = this.#exchange.elapsedMs() - this.#attempt.startMs;
  }
}
