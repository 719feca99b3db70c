/** The context of a trace in W3C's headers. https://www.w3.org/TR/trace-context/ */
import type { HeaderMap } from '../http/headers.ts';

export interface ParentContext {
  traceId: string;
  id: string;
  sampled: boolean;
  /** The header tracestate, as it came. */
  state: string;
}

const form = /^[0-9a-f]{2}-(?<traceId>[0-9a-f]{32})-(?<id>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})$/i;

/** Reads the parent: `none` where there is none, undefined where it cannot be understood. */
export function readTraceParent(head: HeaderMap): ParentContext | 'none' | undefined {
  const text = head.get('traceparent');
  if (text === undefined) return 'none';
  const { traceId = '', id = '', flags = '' } = form.exec(text)?.groups ?? {};
  if (/^0*$/.test(traceId) || /^0*$/.test(id)) return undefined;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  return { traceId: traceId.toLowerCase(), id: id.toLowerCase(), sampled, state: head.get('tracestate') ?? '' };
}

/** Writes both headers, at the end, as Envoy does. */
export function writeTraceParent(head: HeaderMap, { traceId, id, sampled, state }: ParentContext): void {
  head.remove('traceparent');
  head.add('traceparent', `00-${traceId}-${id}-${sampled ? '01' : '00'}`);
  head.remove('tracestate');
  head.add('tracestate', state);
}
