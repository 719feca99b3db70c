/** Draws a trace for a terminal: a line for each span, a bar from its begin to its end. */
import { printable } from '../printable.ts';
import type { Span } from './span.ts';
import { startOf } from './store.ts';
import { rowsOf } from './tree.ts';

export interface Style {
  /** Characters in a line. */
  columns: number;
  colours: boolean;
}

const escapeCode = '\u001b';
const paints = {
  bar: `${escapeCode}[36m`,
  error: `${escapeCode}[31m`,
  dim: `${escapeCode}[2m`,
  none: `${escapeCode}[0m`,
};
/** Eighths of a block. */
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export function waterfall(spans: readonly Span[], { columns, colours }: Style): string {
  const paint = (how: keyof typeof paints, text: string) => (colours ? paints[how] + text + paints.none : text);
  const rows = rowsOf(spans).map(({ span, depth }) => ({ span, label: '  '.repeat(depth) + labelOf(span) }));
  const ends = rows.map(({ span }) => resultOf(span));
  const labelWidth = Math.min(Math.max(...rows.map(({ label }) => label.length)), Math.floor(columns / 3));
  const barWidth = Math.max(10, columns - labelWidth - Math.max(...ends.map(end => end.length)) - 4);
  const from = startOf(spans);
  const whole = Math.max(1, ...spans.map(({ timestamp = 0, duration = 0 }) => timestamp + duration - from));
  const count = `${spans.length} span${spans.length === 1 ? '' : 's'}`;
  const lines = [`trace ${paint('dim', spans[0]!.traceId)}  ${count}, ${milliseconds(whole).trim()}`];
  for (const [i, { span, label }] of rows.entries()) {
    const { timestamp = from, duration = 0, tags } = span;
    const bar = barOf((timestamp - from) / whole, duration / whole, barWidth);
    const how = tags?.error === undefined ? 'bar' : 'error';
    lines.push(` ${label.slice(0, labelWidth).padEnd(labelWidth)} ${paint(how, bar)} ${ends[i]}`);
  }
  return `${lines.join('\n')}\n`;
}

const labelOf = ({ name, localEndpoint, id }: Span) => printable(name ?? localEndpoint?.serviceName ?? id);

function resultOf({ duration = 0, tags = {} }: Span): string {
  const flags = tags.response_flags ?? '-';
  return [milliseconds(duration), tags['http.status_code'] ?? '', flags === '-' ? '' : flags]
    .filter(part => part !== '')
    .map(printable)
    .join('  ');
}

function milliseconds(microseconds: number): string {
  const ms = microseconds / 1000;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`.padStart(8);
}

/** @param begin a share of the whole, as `length` is */
function barOf(begin: number, length: number, width: number): string {
  const before = Math.min(width - 1, Math.max(0, Math.floor(begin * width)));
  const parts = Math.max(1, Math.round(Math.min(length, 1 - before / width) * width * 8));
  const bar = '█'.repeat(Math.floor(parts / 8)) + eighths[parts % 8];
  return (' '.repeat(before) + bar).padEnd(width);
}
