/** The order of a trace's spans: each below the one that it belongs to. */
import type { Span } from './span.ts';

export interface Row {
  span: Span;
  /** 0 for what began the trace, or whose parent nobody told of. */
  depth: number;
}

export function rowsOf(spans: readonly Span[]): Row[] {
  const children = new Map<Span | undefined, Span[]>();
  for (const span of spans) {
    const parent = parentOf(span, spans);
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows: Row[] = [];
  const visit = (parent: Span | undefined, depth: number): void => {
    const sorted = (children.get(parent) ?? []).sort((one, other) => (one.timestamp ?? 0) - (other.timestamp ?? 0));
    children.delete(parent);
    for (const span of sorted) {
      rows.push({ span, depth });
      visit(span, depth + 1);
    }
  };
  visit(undefined, 0);
  return rows;
}

/** Whether every span's parent is there. */
export function isWhole(spans: readonly Span[]): boolean {
  return spans.every(({ parentId }) => parentId === undefined || spans.some(({ id }) => id === parentId));
}

/** Of a span that is shared: the caller's, which has the same id. Of others: the server's of the two where there are two. */
function parentOf(span: Span, spans: readonly Span[]): Span | undefined {
  if (span.shared) {
    const caller = spans.find(other => other !== span && other.id === span.id && !other.shared);
    if (caller !== undefined) return caller;
  }
  if (span.parentId === undefined || span.parentId === span.id) return undefined;
  const parents = spans.filter(({ id }) => id === span.parentId);
  return parents.find(({ shared }) => shared) ?? parents[0];
}
