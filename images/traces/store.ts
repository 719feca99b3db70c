/** The traces that a collector keeps: the last ones, in memory. */
import type { Span } from './span.ts';

const mostTraces = 200;
const mostSpans = 500;

export class TraceStore {
  /** By the trace's id, the oldest first. */
  readonly #traces = new Map<string, Span[]>();

  add(span: Span): void {
    const trace = this.#traces.get(span.traceId);
    if (trace === undefined) this.#begin(span);
    else if (trace.length < mostSpans) trace.push(span);
  }

  #begin(span: Span): void {
    this.#traces.set(span.traceId, [span]);
    if (this.#traces.size > mostTraces) this.#traces.delete(this.#traces.keys().next().value!);
  }

  trace(id: string): readonly Span[] | undefined {
    return this.#traces.get(id.padStart(16, '0'));
  }

  /** The last traces, the newest first. @param service only those in which it has a part */
  last(limit: number, service?: string): (readonly Span[])[] {
    const all = [...this.#traces.values()].filter(
      spans => service === undefined || spans.some(({ localEndpoint }) => localEndpoint?.serviceName === service),
    );
    return all.sort((one, other) => startOf(other) - startOf(one)).slice(0, limit);
  }

  services(): string[] {
    const names = [...this.#traces.values()].flat().flatMap(({ localEndpoint }) => localEndpoint?.serviceName ?? []);
    return [...new Set(names)].sort();
  }
}

/** When a trace began, in microseconds since the epoch. */
export function startOf(spans: readonly Span[]): number {
  return Math.min(...spans.map(({ timestamp = 0 }) => timestamp));
}
