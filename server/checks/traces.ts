import type { TracesCheck } from '../labs/content.ts';
import type { CollectedSpan, Observation } from './observation.ts';
import { count, type Verdict } from './verdict.ts';

/** What the collector knows of the last request. */
export async function checkTraces({ spans: names }: TracesCheck, seen: Observation): Promise<Verdict> {
  const expected = `one trace of ${names.join(' > ')}`;
  const fail = (found: string): Verdict => ({ passed: false, expected, found });
  const traces = await seen.traces();
  if (traces === undefined) return fail('no collector answers on port 9411; start it: traces');
  const last = traces.find(spans => spans.some(({ name }) => name === names[0]));
  if (last === undefined) return fail(`no trace with ${names[0]}; ${count(traces.length, 'other one')}`);
  const way = wayOf(names, last);
  if (way.length === names.length) return { passed: true, expected, found: 'it is there' };
  return fail(`the last trace has ${way.join(' > ')}, and then no ${names[way.length]} below`);
}

/** As many of the names, from the first on, as have a span below the one before. */
function wayOf(names: readonly string[], spans: readonly CollectedSpan[]): string[] {
  const way: string[] = [];
  let above: CollectedSpan[] = [];
  for (const name of names) {
    const found = spans.filter(span => span.name === name && (way.length === 0 || isBelow(span, above, spans)));
    if (found.length === 0) break;
    way.push(name);
    above = found;
  }
  return way;
}

function isBelow(span: CollectedSpan, above: readonly CollectedSpan[], spans: readonly CollectedSpan[]): boolean {
  const looked = new Set<string>();
  for (let id = span.parentId; id !== undefined && !looked.has(id); ) {
    looked.add(id);
    if (above.some(one => one.id === id)) return true;
    id = spans.find(one => one.id === id)?.parentId;
  }
  return false;
}
