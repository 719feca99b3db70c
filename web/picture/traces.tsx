import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Trace } from '../../server/api.ts';
import { Icon } from '../parts/icon.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { clockTime, exactly, span } from '../parts/time.ts';
import { askFailure, askTraces, collected, followTraces } from './traces-state.ts';
import { nameOfSpan, oneService, type SpanRow, startOf, ticksOf, type Waterfall, waterfallOf } from './waterfall.ts';

/** The trace that was chosen; null: always the newest. */
const chosen = signal<string | null>(null);
/** The spans whose tags are shown, as "TRACE/PLACE". */
const opened = signal<ReadonlySet<string>>(new Set());

/** The last traces, and the waterfall of one of them, as they come. */
export function Traces() {
  useEffect(followTraces, []);
  const traces = collected.value;
  if (askFailure.value !== null)
    return (
      <div class="traces-failed">
        <FailureProblem failure={askFailure.value} retry={() => void askTraces()} />
      </div>
    );
  const [newest] = traces ?? [];
  if (!traces || newest === undefined) return <Empty traces={traces} />;
  const shown = traces.find(({ id }) => id === chosen.value) ?? newest;
  const choose = ({ id }: Trace) => {
    chosen.value = id === newest.id ? null : id;
  };
  return (
    <div class="traces">
      <TraceList traces={traces} shown={shown} choose={choose} />
      <SpanList trace={shown} />
    </div>
  );
}

function Empty({ traces }: { traces: Trace[] | null | undefined }) {
  return (
    <p class="empty small quiet-text" role="status">
      {traces === undefined ? 'Asking for traces …' : null}
      {traces === null ? (
        <>
          No collector runs yet. Start one in a terminal: <code>traces</code>. What your proxies tell it of each request
          is drawn here as a waterfall.
        </>
      ) : null}
      {traces === undefined || traces === null
        ? null
        : 'The collector runs, and nobody told it of a request yet. Send one through a proxy that traces.'}
    </p>
  );
}

interface TraceListProps {
  traces: Trace[];
  shown: Trace;
  choose: (trace: Trace) => void;
}

/** The newest first; one is chosen by a click or by arrow keys. */
function TraceList({ traces, shown, choose }: TraceListProps) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = traces.indexOf(shown);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: traces.length - 1 }[event.key];
    const next = to === undefined ? undefined : traces[to];
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  };
  return (
    <div ref={list} class="trace-list small" role="listbox" aria-label="Latest traces" onKeyDown={onKeyDown}>
      {traces.map(trace => (
        <TraceChoice key={trace.id} trace={trace} selected={trace === shown} choose={() => choose(trace)} />
      ))}
    </div>
  );
}

function TraceChoice({ trace, selected, choose }: { trace: Trace; selected: boolean; choose: () => void }) {
  const { rows, totalMs, failed } = waterfallOf(trace);
  const first = rows[0]?.span;
  const atMs = startOf(trace.spans);
  return (
    <button
      type="button"
      role="option"
      class="trace-choice"
      aria-selected={selected}
      tabIndex={selected ? 0 : -1}
      title={exactly(atMs)}
      onClick={choose}
    >
      <span class="trace-time">{clockTime(atMs)}</span>
      <span class="trace-name">{first === undefined ? trace.id : nameOfSpan(first)}</span>
      {failed ? (
        <span class="trace-failed">
          <Icon name="alert" />
          <span class="hidden-text">failed</span>
        </span>
      ) : null}
      <span class="trace-count">{countOf(rows.length)}</span>
      <span class="trace-total">{span(totalMs)}</span>
    </button>
  );
}

const countOf = (spans: number): string => `${spans} ${spans === 1 ? 'span' : 'spans'}`;

/** The waterfall: a line for each span, a bar from its begin to its end. */
function SpanList({ trace }: { trace: Trace }) {
  const waterfall = waterfallOf(trace);
  const ticks = ticksOf(waterfall.totalMs);
  const teller = oneService(trace.spans);
  return (
    <section class="waterfall small" aria-label={`Trace ${trace.id}`}>
      <div class="span-line span-head" aria-hidden="true">
        <span class="quiet-text" title={`Trace ${trace.id}`}>
          {countOf(waterfall.rows.length)}
          {teller ? `, told by ${teller}` : ''}
        </span>
        <span class="span-track">
          {ticks.map(ms => (
            <span
              key={ms}
              class={ms > 0.9 * waterfall.totalMs ? 'tick last' : 'tick'}
              style={{ left: placeOf(ms, waterfall) }}
            >
              {span(ms)}
            </span>
          ))}
        </span>
        <span />
      </div>
      <ol class="spans">
        {waterfall.rows.map((row, index) => (
          <Span
            key={index}
            row={row}
            place={`${trace.id}/${index}`}
            trace={trace}
            whole={waterfall}
            ticks={ticks}
            named={teller === undefined}
          />
        ))}
      </ol>
    </section>
  );
}

const placeOf = (ms: number, { totalMs }: Waterfall): string => `${totalMs === 0 ? 0 : (ms / totalMs) * 100}%`;

interface SpanProps {
  row: SpanRow;
  place: string;
  trace: Trace;
  whole: Waterfall;
  ticks: number[];
  /** Whether the span says who told of it. */
  named: boolean;
}

function Span({ row, place, trace, whole, ticks, named }: SpanProps) {
  const open = opened.value.has(place);
  const toggle = () => {
    // Who looks into a trace keeps it, while newer ones come.
    chosen.value = trace.id;
    const others = [...opened.value].filter(one => one !== place);
    opened.value = new Set(open ? others : [...others, place]);
  };
  const { service, durationMs } = row.span;
  const name = nameOfSpan(row.span);
  return (
    <li class={row.failed ? 'failed' : ''}>
      <button type="button" class="span-line" aria-expanded={open} onClick={toggle}>
        <span class="span-name" style={{ '--depth': Math.min(row.depth, 8) }}>
          <Icon name={open ? 'down' : 'right'} />
          <span class="span-title" title={`${name}, told by ${service}`}>
            {name}
          </span>
          {named && service !== name ? <span class="span-service">{service}</span> : null}
        </span>
        <span class="span-track" aria-hidden="true">
          {ticks.map(ms => (
            <span key={ms} class="grid-line" style={{ left: placeOf(ms, whole) }} />
          ))}
          <span class="span-bar" style={{ left: `${row.left}%`, width: `${row.width}%` }} />
        </span>
        <span class="span-result">
          <span class="span-took">{span(durationMs)}</span> <span class="span-mark">{row.mark}</span>
        </span>
      </button>
      {open ? <Tags row={row} trace={trace} /> : null}
    </li>
  );
}

function Tags({ row: { span: one }, trace }: { row: SpanRow; trace: Trace }) {
  const own: [string, string][] = [
    ['began after', span(one.atMs === 0 ? 0 : one.atMs - startOf(trace.spans))],
    ['told by', one.service],
    ['trace', trace.id],
    ['span', one.id],
    ['parent', one.parentId ?? 'none'],
  ];
  return (
    <dl class="span-tags">
      {[...own, ...one.tags].map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
