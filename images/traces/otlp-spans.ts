/** Spans of OpenTelemetry as Zipkin has them. */
import { spansOf } from './otlp.ts';
import type { Span } from './span.ts';

interface Attribute {
  key: string;
  value?: { stringValue?: string };
}

/** What is read of a span of OTLP; times in nanoseconds, as text. */
interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name?: string;
  kind?: number;
  startTimeNano?: string;
  endTimeNano?: string;
  attributes?: Attribute[];
  resource?: { attributes?: Attribute[] };
}

const kinds: Partial<Record<number, 'SERVER' | 'CLIENT'>> = { 2: 'SERVER', 3: 'CLIENT' };

/** @throws where the bytes are no ExportTraceServiceRequest */
export function zipkinSpansOf(bytes: Buffer): Span[] {
  return (spansOf(bytes) as unknown as OtlpSpan[]).map(span => {
    const { spanId: id, traceId, parentSpanId: parentId, name, kind = 0, attributes = [], resource } = span;
    const timestamp = microseconds(span.startTimeNano);
    const serviceName = resource?.attributes?.find(({ key }) => key === 'service.name')?.value?.stringValue;
    const known = kinds[kind];
    return {
      traceId,
      id,
      ...(parentId !== undefined && { parentId }),
      ...(name !== undefined && { name }),
      ...(known !== undefined && { kind: known }),
      timestamp,
      duration: microseconds(span.endTimeNano) - timestamp,
      ...(serviceName !== undefined && { localEndpoint: { serviceName } }),
      tags: Object.fromEntries(attributes.map(({ key, value }) => [key, value?.stringValue ?? ''])),
    };
  });
}

const microseconds = (nanoseconds = '0') => Number(BigInt(nanoseconds) / 1000n);
