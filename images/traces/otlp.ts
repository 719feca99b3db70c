/** Reads what is sent to a collector by OTLP, of opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest what a proxy writes. */
import { BinaryReader } from '@bufbuild/protobuf/wire';

type Json = Record<string, unknown>;

/** What a field of a message is: its name and how it is read. */
type Field = [name: string, kind: 'text' | 'hex' | 'number' | 'fixed64' | 'fixed32' | Message, repeated?: 'repeated'];
type Message = { [field: number]: Field };

const anyValue: Message = { 1: ['stringValue', 'text'], 2: ['boolValue', 'number'], 3: ['intValue', 'number'] };
const keyValue: Message = { 1: ['key', 'text'], 2: ['value', anyValue] };
const event: Message = { 1: ['timeNano', 'fixed64'], 2: ['name', 'text'], 3: ['attributes', keyValue, 'repeated'] };
const status: Message = { 2: ['message', 'text'], 3: ['code', 'number'] };
const span: Message = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  3: ['traceState', 'text'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'text'],
  6: ['kind', 'number'],
  7: ['startTimeNano', 'fixed64'],
  8: ['endTimeNano', 'fixed64'],
  9: ['attributes', keyValue, 'repeated'],
  11: ['events', event, 'repeated'],
  15: ['status', status],
  16: ['flags', 'fixed32'],
};
const scope: Message = { 1: ['name', 'text'], 2: ['version', 'text'] };
const scopeSpans: Message = { 1: ['scope', scope], 2: ['spans', span, 'repeated'], 3: ['schemaUrl', 'text'] };
const resource: Message = { 1: ['attributes', keyValue, 'repeated'] };
const resourceSpans: Message = {
  1: ['resource', resource],
  2: ['scopeSpans', scopeSpans, 'repeated'],
  3: ['schemaUrl', 'text'],
};
const request: Message = { 1: ['resourceSpans', resourceSpans, 'repeated'] };

/** Every span of a request, with what was told of its resource and scope. */
export function spansOf(bytes: Buffer): Json[] {
  const groups = (read(bytes, request).resourceSpans ?? []) as Json[];
  return groups.flatMap(group =>
    ((group.scopeSpans ?? []) as Json[]).flatMap(({ spans = [], ...scoped }) =>
      (spans as Json[]).map(one => ({ ...one, scoped, resource: group.resource })),
    ),
  );
}

function read(bytes: Uint8Array, message: Message): Json {
  const reader = new BinaryReader(bytes);
  const result: Json = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = message[number];
    if (field === undefined) {
      reader.skip(wireType);
      result[`field ${number}`] = 'not known here';
      continue;
    }
    const [name, kind, repeated] = field;
    const value = readValue(reader, kind);
    if (repeated) result[name] = [...((result[name] as unknown[]) ?? []), value];
    else result[name] = value;
  }
  return result;
}

function readValue(reader: BinaryReader, kind: Field[1]): unknown {
  if (kind === 'text') return reader.string();
  if (kind === 'hex') return Buffer.from(reader.bytes()).toString('hex');
  if (kind === 'number') return reader.uint32();
  if (kind === 'fixed64') return String(reader.fixed64());
  if (kind === 'fixed32') return reader.fixed32();
  return read(reader.bytes(), kind);
}
