/** Traces as OpenTelemetry has them: W3C's headers, OTLP to a collector. */
import type { OpenTelemetryConfig } from '../api/envoy/config/trace/v3/opentelemetry_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { RuntimeNumber } from '../runtime/runtime-values.ts';
import { exportRequest } from './otlp.ts';
import { exporterOf } from './otlp-exporter.ts';
import { resourceOf } from './resource.ts';
import { Span, type SpanStart, type Tracer } from './span.ts';
import { SpanBuffer } from './span-buffer.ts';
import { spanId } from './span-id.ts';
import { readTraceParent, writeTraceParent } from './trace-parent.ts';
import type { TracerContext } from './tracer-context.ts';

export class OpenTelemetryTracer implements Tracer {
  readonly #buffer: SpanBuffer;
  /** Whatever the context says, and for all but the first span of a service whatever this proxy decides, as in Envoy. */
  readonly #samplesAll: boolean;

  /** Throws what cannot work. */
  constructor(configuration: OpenTelemetryConfig, context: TracerContext) {
    const send = exporterOf(configuration, context);
    const resource = resourceOf(configuration);
    this.#samplesAll = configuration.sampler !== undefined;
    const scope = context.scope.scope('tracing.opentelemetry.');
    const dropped = scope.counter('spans_dropped');
    const number = (name: string, byDefault: number) =>
      new RuntimeNumber(byDefault, `tracing.opentelemetry.${name}`, context.runtime);
    this.#buffer = new SpanBuffer({
      minFlushSpans: number('min_flush_spans', 5),
      flushIntervalMs: number('flush_interval_ms', 5000),
      spansSent: scope.counter('spans_sent'),
      timerFlushed: scope.counter('timer_flushed'),
      send: spans => send(exportRequest(spans, resource), () => dropped.add(spans.length)),
    });
  }

  start(head: RequestHeaders, { kind, direction, startMs, traced }: SpanStart): Span | undefined {
    const parent = readTraceParent(head);
    if (parent === undefined) return undefined;
    const name = direction === 'ingress' ? 'ingress' : `egress ${head.authority}`;
    const place =
      parent === 'none'
        ? { traceId: spanId() + spanId(), parentId: '', sampled: traced, remoteParent: false, state: '' }
        : { ...parent, parentId: parent.id, remoteParent: true };
    // What this proxy decides against is not told, whatever was decided before.
    const sampled = traced && (place.sampled || this.#samplesAll);
    return new Span({ ...place, id: spanId(), sampled, kind, startMs, shared: false, oneHeader: false }, name);
  }

  child({ facts }: Span, name: string, startMs: number): Span {
    const own = { id: spanId(), parentId: facts.id, kind: 'CLIENT', startMs, remoteParent: false } as const;
    const sampled = facts.sampled || this.#samplesAll;
    return new Span({ ...facts, ...own, sampled }, name);
  }

  inject({ facts }: Span, head: RequestHeaders): void {
    writeTraceParent(head, facts);
  }

  report(span: Span): void {
    this.#buffer.add(span);
  }

  loggedId({ facts }: Span): string {
    return facts.id;
  }

  stop(): void {
    this.#buffer.stop();
  }
}
