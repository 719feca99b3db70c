/** One request in its trace: from the decision to trace it to the report of its span. */
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { Decorator } from '../routing/route-tracing.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { Exchange, TryTrace, Upstream } from '../upstream/upstream.ts';
import type { ManagerTracing, TracedStream } from './manager-tracing.ts';
import type { Reason } from './sampling.ts';
import type { Span } from './span.ts';
import { noteTimes, tagGrpcStatus, tagOutcome, tagRequest } from './span-tags.ts';
import { TracedTry } from './traced-try.ts';

const decoratorHeader = 'x-envoy-decorator-operation';

export class RequestTrace implements TryTrace {
  readonly #tracing: ManagerTracing;
  readonly #stream: TracedStream;
  readonly #reason: Reason;
  /** Undefined where what came as a context is none. */
  readonly #span: Span | undefined;
  /** The name that goes to the client with the answer. */
  #told = '';

  constructor(tracing: ManagerTracing, stream: TracedStream, reason: Reason, span: Span | undefined) {
    this.#tracing = tracing;
    this.#stream = stream;
    this.#reason = reason;
    this.#span = span;
  }

  /** Names the span as the route says, or the proxy before this one. */
  decorate(head: RequestHeaders, decorator: Decorator | undefined): void {
    if (decorator !== undefined) this.#name(decorator.operation);
    const toOthers = decorator?.propagates ? decorator.operation : '';
    if (this.#tracing.direction === 'egress') {
      if (toOthers !== '') head.set(decoratorHeader, toOthers);
      return;
    }
    this.#told = toOthers;
    const said = head.get(decoratorHeader);
    if (said === undefined) return;
    head.remove(decoratorHeader);
    if (said === '') return;
    this.#name(said);
    this.#told = '';
  }

  #name(operation: string): void {
    if (this.#span !== undefined) this.#span.name = operation;
  }

  onResponseHead(head: ResponseHeaders): void {
    if (this.#tracing.direction === 'ingress') {
      if (this.#told !== '') head.set(decoratorHeader, this.#told);
      return;
    }
    const said = head.get(decoratorHeader);
    if (said === undefined) return;
    head.remove(decoratorHeader);
    if (said !== '') this.#name(said);
  }

  openTry(inner: Upstream, exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender {
    const span = this.#span;
    const { tracer, spansOfTries } = this.#tracing;
    if (span === undefined || tracer === undefined) return inner.open(exchange, end, receiver);
    if (!spansOfTries) {
      tracer.inject(span, exchange.head);
      return inner.open(exchange, end, receiver);
    }
    const startMs = exchange.info.startMs + exchange.elapsedMs();
    const cluster = this.#tracing.cluster(exchange.info.clusterName);
    const own = tracer.child(span, `router ${cluster?.observabilityName} egress`, startMs);
    tracer.inject(own, exchange.head);
    if (!own.facts.sampled) return inner.open(exchange, end, receiver);
    return new TracedTry(this.#tracing, this.#stream, own, exchange, receiver).open(inner, end);
  }

  /**
   * The request is over, and all is known of it.
   * @param broken its answer did not come to an end
   */
  finish(broken: boolean): void {
    const { info, route } = this.#stream;
    this.#tracing.count(this.#reason, info.healthCheck);
    const span = this.#span;
    if (!span?.facts.sampled || info.healthCheck) return;
    span.endMs = info.startMs + info.durationMs;
    tagRequest(span, info, this.#tracing.maxPathLength);
    const cluster = info.clusterName === '' ? undefined : this.#tracing.cluster(info.clusterName);
    const outcome = { status: info.responseCode, flags: info.flags, cluster };
    tagOutcome(span, outcome, this.#tracing.tagsFor(route), info);
    tagGrpcStatus(span, info.responseTrailers?.has('grpc-status') ? info.responseTrailers : info.responseHeaders);
    if (this.#tracing.verbose) noteTimes(span, info.startMs, timesOf(info, broken));
    this.#tracing.tracer?.report(span);
  }
}

const timesOf = (info: StreamInfo, broken: boolean) =>
  [
    ['last_downstream_rx_byte_received', info.requestReceivedMs],
    ['first_upstream_tx_byte_sent', info.upstreamFirstSentMs],
    ['last_upstream_tx_byte_sent', info.upstreamLastSentMs],
    ['first_upstream_rx_byte_received', info.upstreamFirstReceivedMs],
    ['last_upstream_rx_byte_received', info.upstreamLastReceivedMs],
    ['first_downstream_tx_byte_sent', info.downstreamFirstSentMs],
    ['last_downstream_tx_byte_sent', broken ? -1 : info.durationMs],
  ] as const;
