import type { Trace, TraceSpan } from '../../server/api.ts';
import { isFailure, markOf } from './journey.ts';

/** A span as a line of the waterfall. */
export interface SpanRow {
  span: TraceSpan;
  /** 0 for what began the trace, or whose parent nobody told of. */
  depth: number;
  /** Where its bar begins, and how long it is, in per cent of the whole trace. */
  left: number;
  width: number;
  /** Its status and flag, in short. */
  mark: string;
  failed: boolean;
}

export interface Waterfall {
  rows: SpanRow[];
  totalMs: number;
  failed: boolean;
}

/** What a bar that takes no time is still seen by, in per cent. */
const leastWidth = 0.5;

export function waterfallOf({ spans }: Trace): Waterfall {
  const fromMs = startOf(spans);
  const totalMs = Math.max(0, ...spans.map(({ atMs, durationMs }) => (atMs || fromMs) + durationMs - fromMs));
  const share = (ms: number) => (totalMs === 0 ? 0 : (ms / totalMs) * 100);
  const rows = ordered(spans).map(({ span, depth }): SpanRow => {
    const left = Math.min(100 - leastWidth, share((span.atMs || fromMs) - fromMs));
    const width = Math.min(100 - left, Math.max(leastWidth, share(span.durationMs)));
    return { span, depth, left, width, ...resultOf(span) };
  });
  return { rows, totalMs, failed: rows.some(({ failed }) => failed) };
}

/** When a trace began, in milliseconds since the epoch; spans that tell no time are no part of that. */
export function startOf(spans: readonly TraceSpan[]): number {
  const told = spans.map(({ atMs }) => atMs).filter(atMs => atMs > 0);
  return told.length === 0 ? 0 : Math.min(...told);
}

/** Who told of all of them; undefined where several did. */
export function oneService(spans: readonly TraceSpan[]): string | undefined {
  const services = new Set(spans.map(({ service }) => service));
  return services.size === 1 ? [...services][0] : undefined;
}

/** What a span is called; its service where it has no name. */
export const nameOfSpan = ({ name, service, id }: TraceSpan): string => name || service || id;

/** The times at which the axis has a line, from 0 on: at most four, each a round number. */
export function ticksOf(totalMs: number): number[] {
  if (totalMs <= 0) return [0];
  const rough = totalMs / 3.5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough) ?? rough;
  return Array.from({ length: Math.floor(totalMs / step + 1e-9) + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  );
}

function resultOf({ tags }: TraceSpan): { mark: string; failed: boolean } {
  const tag = (name: string) => tags.find(([one]) => one === name)?.[1];
  const [status, flag] = [Number(tag('http.status_code') ?? Number.NaN), tag('response_flags') ?? '-'];
  const known = Number.isInteger(status);
  // A flag alone is no failure: DI says that the proxy delayed it.
  const failed = tag('error') !== undefined || (known && isFailure(status));
  return { mark: markOf(known ? status : null, flag), failed };
}

/** Each span below the one that it belongs to; those of one parent as they began. */
function ordered(spans: readonly TraceSpan[]): { span: TraceSpan; depth: number }[] {
  const below = Map.groupBy(spans, span => parentOf(span, spans));
  const rows: { span: TraceSpan; depth: number }[] = [];
  const visit = (parent: TraceSpan | undefined, depth: number): void => {
    const children = below.get(parent) ?? [];
    below.delete(parent);
    for (const span of children.toSorted((one, other) => one.atMs - other.atMs)) {
      rows.push({ span, depth });
      visit(span, depth + 1);
    }
  };
  visit(undefined, 0);
  // Those that name each other as parents belong to nobody.
  for (const [, lost] of below) rows.push(...lost.map(span => ({ span, depth: 0 })));
  return rows;
}

/** Of a span that is shared: the caller's, which has the same id. Of others: the server's of the two where there are two. */
function parentOf(span: TraceSpan, spans: readonly TraceSpan[]): TraceSpan | undefined {
  const caller = spans.find(other => other !== span && other.id === span.id && !other.shared);
  if (span.shared && caller !== undefined) return caller;
  if (span.parentId === null || span.parentId === span.id) return undefined;
  const parents = spans.filter(({ id }) => id === span.parentId);
  return parents.find(({ shared }) => shared) ?? parents[0];
}
