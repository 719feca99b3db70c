/** The span of one try at an upstream. */
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import { Relay } from '../upstream/relay.ts';
import { resetFlag, resetWords } from '../upstream/resets.ts';
import type { Exchange, Upstream } from '../upstream/upstream.ts';
import type { ManagerTracing, TracedStream } from './manager-tracing.ts';
import type { Span } from './span.ts';
import { noteTimes, tagGrpcStatus, tagOutcome } from './span-tags.ts';

export class TracedTry extends Relay {
  readonly #tracing: ManagerTracing;
  readonly #stream: TracedStream;
  readonly #span: Span;
  readonly #exchange: Exchange;
  #status = 0;
  #flags = 0;
  #sentMs = -1;
  #answeredMs = -1;
  #wholeMs = -1;
  #told = false;

  constructor(
    tracing: ManagerTracing,
    stream: TracedStream,
    span: Span,
    exchange: Exchange,
    receiver: ResponseReceiver,
  ) {
    super(receiver);
    this.#tracing = tracing;
    this.#stream = stream;
    this.#span = span;
    this.#exchange = exchange;
    const retries = exchange.info.upstreamAttemptCount - 1;
    if (retries > 0) span.tags.set('retry.count', String(retries));
  }

  open(inner: Upstream, end: boolean): RequestSender {
    this.inner = inner.open(this.#exchange, end, this);
    return this;
  }

  override cancel(): void {
    if (!this.#told) {
      this.#span.tags.set('canceled', 'true');
      this.#tell();
    }
    super.cancel();
  }

  override onSent(): void {
    this.#sentMs = this.#exchange.elapsedMs();
    super.onSent();
  }

  override onHead(head: ResponseHeaders, end: boolean): void {
    this.#status = head.status;
    this.#answeredMs = this.#exchange.elapsedMs();
    tagGrpcStatus(this.#span, head);
    if (end) this.#complete();
    super.onHead(head, end);
  }

  override onData(chunk: Buffer, end: boolean): void {
    if (end) this.#complete();
    super.onData(chunk, end);
  }

  override onTrailers(trailers: HeaderMap): void {
    tagGrpcStatus(this.#span, trailers);
    this.#complete();
    super.onTrailers(trailers);
  }

  override onReset(reason: ResetReason, transportFailure: string): void {
    this.#flags = resetFlag[reason];
    const { tags } = this.#span;
    if (reason === 'per-try-timeout') tags.set('canceled', 'true');
    else tags.set('error', 'true').set('error.reason', resetWords[reason]);
    // Where no host was there, nothing was tried.
    if (reason !== 'no-healthy-host') this.#tell();
    super.onReset(reason, transportFailure);
  }

  #complete(): void {
    this.#wholeMs = this.#exchange.elapsedMs();
    this.#tell();
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    const { info, host } = this.#exchange;
    const span = this.#span;
    span.endMs = info.startMs + this.#exchange.elapsedMs();
    span.tags.set('http.protocol', this.#sentMs < 0 ? '-' : info.upstreamProtocol);
    if (host !== undefined) {
      span.tags.set('upstream_address', host.name);
      span.tags.set('peer.address', host.name);
    }
    const outcome = { status: this.#status, flags: this.#flags, cluster: this.#tracing.cluster(info.clusterName) };
    tagOutcome(span, outcome, this.#tracing.tagsFor(this.#stream.route), info);
    if (this.#tracing.verbose) noteTimes(span, info.startMs, this.#times());
    this.#tracing.tracer?.report(span);
  }

  #times(): (readonly [string, number])[] {
    return [
      ['first_upstream_tx_byte_sent', this.#sentMs],
      ['last_upstream_tx_byte_sent', this.#exchange.info.upstreamLastSentMs],
      ['first_upstream_rx_byte_received', this.#answeredMs],
      ['last_upstream_rx_byte_received', this.#wholeMs],
    ];
  }
}
