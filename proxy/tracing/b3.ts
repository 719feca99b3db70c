/** The context of a trace in B3 headers. https://github.com/openzipkin/b3-propagation */
import type { HeaderMap } from '../http/headers.ts';

/** What a request says of its trace. */
export interface B3Context {
  /** Undefined where it says nothing of ids. */
  ids: { traceId: string; id: string; parentId: string } | undefined;
  /** What was decided before; undefined: nothing. */
  sampled: boolean | undefined;
  /** It came in the one header `b3`. */
  oneHeader: boolean;
}

const names = {
  traceId: 'x-b3-traceid',
  id: 'x-b3-spanid',
  parentId: 'x-b3-parentspanid',
  sampled: 'x-b3-sampled',
  one: 'b3',
} as const;

/** Trace, span, decision, parent. */
const oneHeaderForm =
  /^(?<traceId>[0-9a-f]{16}|[0-9a-f]{32})-(?<id>[0-9a-f]{16})(?:-(?<sampled>[01d])(?:-(?<parentId>[0-9a-f]{16}))?)?$/i;

/** Reads a context; undefined where it is none that can be understood. */
export function readB3(head: HeaderMap): B3Context | undefined {
  const one = head.get(names.one);
  if (one !== undefined) return readOne(one);
  const said = head.get(names.sampled);
  const sampled = said === undefined ? undefined : said === '1' || said === 'true';
  const [traceId, id] = [head.get(names.traceId), head.get(names.id)];
  if (traceId === undefined || id === undefined) return { ids: undefined, sampled, oneHeader: false };
  const wholeTraceId = traceId.length === 32 ? hex(traceId, 32) : hex(traceId, 16);
  const wholeId = hex(id, 16);
  const parentId = hex(head.get(names.parentId) || '0', 16);
  if (wholeTraceId === undefined || wholeId === undefined || parentId === undefined) return undefined;
  return { ids: { traceId: wholeTraceId, id: wholeId, parentId: unlessZero(parentId) }, sampled, oneHeader: false };
}

function readOne(text: string): B3Context | undefined {
  if (/^[01d]$/.test(text)) return { ids: undefined, sampled: text !== '0', oneHeader: true };
  const found = oneHeaderForm.exec(text)?.groups;
  if (found === undefined) return undefined;
  const { traceId = '', id = '', sampled, parentId = '' } = found;
  return {
    ids: { traceId: traceId.toLowerCase(), id: id.toLowerCase(), parentId: unlessZero(parentId.toLowerCase()) },
    sampled: sampled === undefined ? undefined : sampled !== '0',
    oneHeader: true,
  };
}

/** So many digits, filled up with zeros; undefined where it is no such number. */
function hex(text: string, digits: number): string | undefined {
  return text.length <= digits && /^[0-9a-f]+$/i.test(text) ? text.toLowerCase().padStart(digits, '0') : undefined;
}

const unlessZero = (id: string) => (/^0*$/.test(id) ? '' : id);

/** What is written of a span. */
interface Written {
  traceId: string;
  id: string;
  parentId: string;
  sampled: boolean;
  oneHeader: boolean;
}

/** Writes a context; at the end, as Envoy does, whatever stood there before. */
export function writeB3(head: HeaderMap, { traceId, id, parentId, sampled, oneHeader }: Written): void {
  const decision = sampled ? '1' : '0';
  if (oneHeader) {
    renew(head, names.one, `${traceId}-${id}-${decision}${parentId === '' ? '' : `-${parentId}`}`);
    return;
  }
  renew(head, names.traceId, traceId);
  renew(head, names.id, id);
  if (parentId !== '') renew(head, names.parentId, parentId);
  renew(head, names.sampled, decision);
}

function renew(head: HeaderMap, name: string, value: string): void {
  head.remove(name);
  head.add(name, value);
}
