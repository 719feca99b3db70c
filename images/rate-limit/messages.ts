/** What proxies ask and are answered. @see https://github.com/envoyproxy/envoy/blob/main/api/envoy/service/ratelimit/v3/rls.proto */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { readFields, writeMessage, writeText } from '../../proxy/grpc/wire.ts';
import { type Entry, type Limit, units } from './limit.ts';

export interface Question {
  domain: string;
  descriptors: Descriptor[];
  /** 0: nobody said. */
  hits: number;
}

export interface Descriptor {
  entries: Entry[];
  /** What the proxy wants for it, in place of the configuration's; undefined: that one. */
  limit: Limit | undefined;
  /** Undefined: those of the question. */
  hits: number | undefined;
}

/** Of one descriptor. */
export interface Status {
  over: boolean;
  /** Undefined: it has none. */
  limit: Limit | undefined;
  remaining: number;
  /** Whole seconds; 0 where there is no limit. */
  untilReset: number;
}

const codes = { ok: 1, over: 2 };

/** @throws Error for what is no such message */
export function decodeQuestion(bytes: Uint8Array): Question {
  const question: Question = { domain: '', descriptors: [], hits: 0 };
  readFields(bytes, (field, reader) => {
    if (field === 1) question.domain = reader.string();
    else if (field === 2) question.descriptors.push(readDescriptor(reader.bytes()));
    else if (field === 3) question.hits = reader.uint32();
    else return false;
    return true;
  });
  return question;
}

function readDescriptor(bytes: Uint8Array): Descriptor {
  const descriptor: Descriptor = { entries: [], limit: undefined, hits: undefined };
  readFields(bytes, (field, reader) => {
    if (field === 1) descriptor.entries.push(readEntry(reader.bytes()));
    else if (field === 2) descriptor.limit = readLimit(reader.bytes());
    else if (field === 3) descriptor.hits = readNumber(reader.bytes());
    else return false;
    return true;
  });
  return descriptor;
}

function readEntry(bytes: Uint8Array): Entry {
  const entry: Entry = { key: '', value: '' };
  readFields(bytes, (field, reader) => {
    if (field === 1) entry.key = reader.string();
    else if (field === 2) entry.value = reader.string();
    else return false;
    return true;
  });
  return entry;
}

/** Undefined where the unit is none that we know. */
function readLimit(bytes: Uint8Array): Limit | undefined {
  let [requestsPerUnit, number] = [0, 0];
  readFields(bytes, (field, reader) => {
    if (field === 1) requestsPerUnit = reader.uint32();
    else if (field === 2) number = reader.int32();
    else return false;
    return true;
  });
  const unit = (Object.keys(units) as (keyof typeof units)[]).find(name => units[name].number === number);
  return unit && { unit, requestsPerUnit, name: '' };
}

function readNumber(bytes: Uint8Array): number {
  let number = 0;
  readFields(bytes, (field, reader) => {
    if (field !== 1) return false;
    number = Number(reader.uint64());
    return true;
  });
  return number;
}

/** The statuses in the order of the descriptors. */
export function encodeAnswer(over: boolean, statuses: readonly Status[]): Uint8Array {
  const writer = new BinaryWriter();
  writeNumber(writer, 1, over ? codes.over : codes.ok);
  for (const status of statuses) writeMessage(writer, 2, () => writeStatus(writer, status));
  return writer.finish();
}

function writeStatus(writer: BinaryWriter, { over, limit, remaining, untilReset }: Status): void {
  writeNumber(writer, 1, over ? codes.over : codes.ok);
  if (limit !== undefined)
    writeMessage(writer, 2, () => {
      writeNumber(writer, 1, limit.requestsPerUnit);
      writeNumber(writer, 2, units[limit.unit].number);
      writeText(writer, 3, limit.name);
    });
  writeNumber(writer, 3, remaining);
  if (untilReset > 0) writeMessage(writer, 4, () => writer.tag(1, WireType.Varint).int64(untilReset));
}

/** A number, where it is not 0. */
function writeNumber(writer: BinaryWriter, field: number, value: number): void {
  if (value !== 0) writer.tag(field, WireType.Varint).uint32(value);
}
