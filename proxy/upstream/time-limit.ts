/** Layers that end what takes too long: the whole request, and one try of it. */
import { Deadline, type DeadlineQueue, deadlineQueue, type Limited } from '../deadlines.ts';
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { Relay } from './relay.ts';
import type { Exchange, Layer, Upstream } from './upstream.ts';

/** The route's timeout. It runs from the moment that the client's request is whole, over all tries, until the response is. */
export function routeTimeout(timeoutMs: number): Layer {
  const queue = deadlineQueue(timeoutMs);
  return inner => ({
    open(exchange, end, receiver) {
      const request = new TimedRequest(receiver, queue, 'timeout');
      return request.open(inner, exchange, end);
    },
  });
}

/** The time for one try. It runs from the moment that the try has a connection and the client's request is whole, until the response begins. */
export function tryTimeout(timeoutMs: number): Layer {
  const queue = deadlineQueue(timeoutMs);
  return inner => ({
    open(exchange, end, receiver) {
      const request = new TimedTry(receiver, queue, exchange);
      return request.open(inner, exchange, end);
    },
  });
}

/** The same, but the try goes on: who sent it hears that it is slow. Its host is charged for that now. */
export function softTryTimeout(timeoutMs: number): Layer {
  const queue = deadlineQueue(timeoutMs);
  return inner => ({
    open(exchange, end, receiver) {
      const request = new SlowTry(receiver, queue, exchange);
      return request.open(inner, exchange, end);
    },
  });
}

/** A WebSocket's answer is due once its request's head is there; as in Envoy nothing limits what other upgrades take. */
function awaitsOnlyHead(head: RequestHeaders): boolean {
  return head.upgrade === 'websocket';
}

/** The time for one try as a stream, response and all. It runs from the moment that the try has a connection. */
export function streamLimit(durationMs: number): Layer {
  const queue = deadlineQueue(durationMs);
  return inner => ({
    open(exchange, end, receiver) {
      const request = new LimitedStream(receiver, queue, 'max-duration');
      return request.open(inner, exchange, end);
    },
  });
}

class TimedRequest extends Relay implements Limited {
  readonly deadline: Deadline = new Deadline(this);
  readonly #queue: DeadlineQueue;
  readonly #reason: ResetReason;

  constructor(receiver: ResponseReceiver, queue: DeadlineQueue, reason: ResetReason) {
    super(receiver);
    this.#queue = queue;
    this.#reason = reason;
  }

  open(inner: Upstream, exchange: Exchange, end: boolean): RequestSender {
    if (end || awaitsOnlyHead(exchange.head)) this.start();
    this.inner = inner.open(exchange, end, this);
    return this;
  }

  protected start(): void {
    this.deadline.set(this.#queue);
  }

  override sendData(chunk: Buffer, end: boolean): void {
    if (end && !this.over) this.start();
    this.inner.sendData(chunk, end);
  }

  override sendTrailers(trailers: HeaderMap): void {
    if (!this.over) this.start();
    this.inner.sendTrailers(trailers);
  }

  override cancel(): void {
    this.deadline.clear();
    super.cancel();
  }

  override onHead(head: ResponseHeaders, end: boolean): void {
    if (end || head.upgraded) this.deadline.clear();
    super.onHead(head, end);
  }

  override onData(chunk: Buffer, end: boolean): void {
    if (end) this.deadline.clear();
    super.onData(chunk, end);
  }

  override onTrailers(trailers: HeaderMap): void {
    this.deadline.clear();
    super.onTrailers(trailers);
  }

  override onReset(reason: ResetReason, transportFailure: string): void {
    this.deadline.clear();
    super.onReset(reason, transportFailure);
    this.over = true;
  }

  onDeadline(): void {
    if (this.over) return;
    this.over = true;
    this.inner.cancel();
    this.receiver.onReset(this.#reason, '');
  }
}

class TimedTry extends TimedRequest {
  protected readonly exchange: Exchange;
  #sent = false;

  constructor(receiver: ResponseReceiver, queue: DeadlineQueue, exchange: Exchange) {
    super(receiver, queue, 'per-try-timeout');
    this.exchange = exchange;
  }

  protected override start(): void {
    if (this.#sent) super.start();
  }

  override onSent(): void {
    this.#sent = true;
    if (this.exchange.requestDone || awaitsOnlyHead(this.exchange.head)) super.start();
    super.onSent();
  }

  override onHead(head: ResponseHeaders, end: boolean): void {
    this.deadline.clear();
    super.onHead(head, end);
  }
}

class SlowTry extends TimedTry {
  override onDeadline(): void {
    if (this.over) return;
    this.exchange.host?.outlier?.timedOut();
    this.exchange.onTrySlow?.();
  }
}

class LimitedStream extends TimedRequest {
  protected override start(): void {}

  override onSent(): void {
    super.start();
    super.onSent();
  }
}
