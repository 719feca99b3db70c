/**
 * Spans in OTLP: the message opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest in protobuf's binary form. It is written by
 * hand, since no package that is here ships its .proto files, and it is small. Numbers of fields:
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { fullVersion } from '../version.ts';
import type { Span } from './span.ts';

const kinds = { SERVER: 2, CLIENT: 3 } as const;
const statusError = 2;
/** Bits of a span's flags: sampled; it is known whether the parent is remote; it is. */
const flags = { sampled: 0x1, knowsParent: 0x100, remoteParent: 0x200 } as const;

type Write = (writer: BinaryWriter) => void;

/** A request to export these spans. @param told of the service, by name */
export function exportRequest(spans: readonly Span[], told: ReadonlyMap<string, string>): Buffer {
  const writer = new BinaryWriter();
  inner(writer, 1, resourceSpans => {
    inner(resourceSpans, 1, resource => {
      for (const [name, value] of told) attribute(resource, 1, name, value);
    });
    inner(resourceSpans, 2, scopeSpans => {
      inner(scopeSpans, 1, scope => {
        text(scope, 1, 'envoy');
        text(scope, 2, fullVersion);
      });
      for (const span of spans) inner(scopeSpans, 2, message => writeSpan(message, span));
    });
  });
  return Buffer.from(writer.finish());
}

function writeSpan(writer: BinaryWriter, { facts, name, endMs, tags, events }: Span): void {
  writer.tag(1, WireType.LengthDelimited).bytes(Buffer.from(facts.traceId, 'hex'));
  writer.tag(2, WireType.LengthDelimited).bytes(Buffer.from(facts.id, 'hex'));
  if (facts.state !== '') text(writer, 3, facts.state);
  if (facts.parentId !== '') writer.tag(4, WireType.LengthDelimited).bytes(Buffer.from(facts.parentId, 'hex'));
  text(writer, 5, name);
  writer.tag(6, WireType.Varint).uint32(kinds[facts.kind]);
  time(writer, 7, facts.startMs);
  time(writer, 8, endMs);
  for (const [key, value] of tags) attribute(writer, 9, key, value);
  for (const { name: what, atMs } of events)
    inner(writer, 11, event => {
      time(event, 1, atMs);
      text(event, 2, what);
    });
  if (isError(facts.kind, Number(tags.get('http.status_code'))))
    inner(writer, 15, status => void status.tag(3, WireType.Varint).uint32(statusError));
  const remote = facts.remoteParent ? flags.remoteParent : 0;
  writer.tag(16, WireType.Bit32).fixed32(flags.sampled | flags.knowsParent | remote);
}

/** A server is not to blame for what clients ask. */
function isError(kind: Span['facts']['kind'], status: number): boolean {
  return status >= (kind === 'SERVER' ? 500 : 400);
}

function inner(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function attribute(writer: BinaryWriter, field: number, key: string, value: string): void {
  inner(writer, field, pair => {
    text(pair, 1, key);
    inner(pair, 2, anyValue => text(anyValue, 1, value));
  });
}

/** Headers' characters are bytes. */
function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).bytes(Buffer.from(value, 'latin1'));
}

/** Nanoseconds since the epoch, exact to the microsecond. */
function time(writer: BinaryWriter, field: number, ms: number): void {
  writer.tag(field, WireType.Bit64).fixed64(BigInt(Math.round(ms * 1000)) * 1000n);
}
