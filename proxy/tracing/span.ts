/** Spans: what one service did for one request, with its place in the request's trace. */
import type { RequestHeaders } from '../http/headers.ts';

/** What a span is from its beginning. Ids are lower case hexadecimal digits: 16 for a span, 16 or 32 for a trace. */
export interface SpanFacts {
  readonly traceId: string;
  readonly id: string;
  /** '' for the first span of a trace. */
  readonly parentId: string;
  /** It is told to the collector. */
  readonly sampled: boolean;
  readonly kind: 'SERVER' | 'CLIENT';
  /** Milliseconds since the epoch, with a fraction. */
  readonly startMs: number;
  /** The caller's span has the same id (Zipkin). */
  readonly shared: boolean;
  /** The context came in the one header `b3`, and goes on in it (Zipkin). */
  readonly oneHeader: boolean;
  /** The parent is another process's span (OpenTelemetry). */
  readonly remoteParent: boolean;
  /** W3C's tracestate, passed on as it came (OpenTelemetry). */
  readonly state: string;
}

export class Span {
  readonly facts: SpanFacts;
  name: string;
  endMs = 0;
  readonly tags = new Map<string, string>();
  /** What happened meanwhile, and when, in milliseconds since the epoch. */
  readonly events: { name: string; atMs: number }[] = [];

  constructor(facts: SpanFacts, name: string) {
    this.facts = facts;
    this.name = name;
  }
}

/** Where a span begins. */
export interface SpanStart {
  kind: SpanFacts['kind'];
  direction: Direction;
  startMs: number;
  /** What is decided here, for requests that bring no decision along. */
  traced: boolean;
}

/** What requests are to the service beside this proxy: its own to others, or others' to it. */
export type Direction = 'ingress' | 'egress';

/** One way to number spans, to pass them on by headers, and to tell a collector of them. */
export interface Tracer {
  /** The span of a request; undefined where the context that it brings makes no sense, as Envoy does: it is not traced then. */
  start(head: RequestHeaders, start: SpanStart): Span | undefined;
  /** A span of something that belongs to the other. */
  child(parent: Span, name: string, startMs: number): Span;
  /** Tells the next service, which reads these headers. */
  inject(span: Span, head: RequestHeaders): void;
  /** Tells the collector, soon. */
  report(span: Span): void;
  /** The span's id as the access log prints it. */
  loggedId(span: Span): string;
  /** Sends what is waiting, and no more. */
  stop(): void;
}
