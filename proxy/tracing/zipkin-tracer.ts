/** Traces as Zipkin has them: B3 headers, spans that two services share, JSON to `/api/v2/spans`. */
import { ZipkinConfig_CollectorEndpointVersion as Version } from '../api/enums.js';
import type { ZipkinConfig } from '../api/envoy/config/trace/v3/zipkin_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { RuntimeNumber } from '../runtime/runtime-values.ts';
import { type B3Context, readB3, writeB3 } from './b3.ts';
import { Collector, type ReportResult } from './collector.ts';
import { Span, type SpanStart, type Tracer } from './span.ts';
import { SpanBuffer } from './span-buffer.ts';
import { spanId } from './span-id.ts';
import type { TracerContext } from './tracer-context.ts';
import { zipkinJson } from './zipkin-json.ts';

export class ZipkinTracer implements Tracer {
  readonly #longTraceIds: boolean;
  readonly #sharesSpans: boolean;
  readonly #buffer: SpanBuffer;

  constructor(configuration: ZipkinConfig, context: TracerContext) {
    if (configuration.collectorEndpointVersion !== Version.HTTP_JSON)
      throw new Error('envoy.tracers.zipkin: collector_endpoint_version: only HTTP_JSON is supported by this proxy');
    const cluster = configuration.collectorCluster;
    if (context.cluster(cluster) === undefined) throw new Error(`envoy.tracers.zipkin: unknown cluster '${cluster}'`);
    this.#longTraceIds = configuration.traceId128bit;
    this.#sharesSpans = configuration.sharedSpanContext ?? true;
    const collector = new Collector(
      {
        cluster,
        authority: configuration.collectorHostname || cluster,
        path: configuration.collectorEndpoint,
        contentType: 'application/json',
        headers: [],
      },
      context.cluster,
    );
    const scope = context.scope.scope('tracing.zipkin.');
    const number = (name: string, byDefault: number) =>
      new RuntimeNumber(byDefault, `tracing.zipkin.${name}`, context.runtime);
    const timeoutMs = number('request_timeout', 5000);
    const count = reportCounter(name => scope.counter(name));
    this.#buffer = new SpanBuffer({
      minFlushSpans: number('min_flush_spans', 5),
      flushIntervalMs: number('flush_interval_ms', 5000),
      spansSent: scope.counter('spans_sent'),
      timerFlushed: scope.counter('timer_flushed'),
      send: spans => collector.post(zipkinJson(spans, context.nodeCluster), timeoutMs.value, count),
    });
  }

  start(head: RequestHeaders, start: SpanStart): Span | undefined {
    const context = readB3(head);
    return context && this.#spanOf(context, start, head.authority);
  }

  #spanOf({ ids, sampled, oneHeader }: B3Context, { kind, startMs, traced }: SpanStart, name: string): Span {
    const shared = this.#sharesSpans && kind === 'SERVER';
    const place =
      ids === undefined ? this.#root() : shared ? ids : { traceId: ids.traceId, id: spanId(), parentId: ids.id };
    const facts = { ...place, kind, startMs, shared, oneHeader, sampled: sampled ?? traced };
    return new Span({ ...facts, remoteParent: false, state: '' }, name);
  }

  #root(): { traceId: string; id: string; parentId: string } {
    const id = spanId();
    return { traceId: this.#longTraceIds ? spanId() + id : id, id, parentId: '' };
  }

  child({ facts }: Span, name: string, startMs: number): Span {
    const own = { id: spanId(), parentId: facts.id, kind: 'CLIENT', startMs, shared: false } as const;
    return new Span({ ...facts, ...own }, name);
  }

  inject(span: Span, head: RequestHeaders): void {
    writeB3(head, span.facts);
  }

  report(span: Span): void {
    this.#buffer.add(span);
  }

  /** As in Envoy, whose tracer of this kind does not tell it. */
  loggedId(): string {
    return '';
  }

  stop(): void {
    this.#buffer.stop();
  }
}

function reportCounter(counter: (name: string) => { increment(): void }): (result: ReportResult) => void {
  // Envoy takes a collector that cannot be reached for one that answers 503.
  counter('reports_failed');
  const [sent, skipped, dropped] = [
    counter('reports_sent'),
    counter('reports_skipped_no_cluster'),
    counter('reports_dropped'),
  ];
  return result => {
    if (result === 202) sent.increment();
    else if (result === 'no-cluster') skipped.increment();
    else dropped.increment();
  };
}
