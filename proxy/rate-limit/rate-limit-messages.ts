/** What a rate limit service is asked and answers. @see https://github.com/envoyproxy/envoy/blob/main/api/envoy/service/ratelimit/v3/rls.proto */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { readFields, writeMessage, writeText } from '../grpc/wire.ts';
import type { Descriptor, LimitOverride } from '../routing/rate-limit-rules.ts';

export const rateLimitMethod = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

/** Of one descriptor, in the order of the question. */
export interface DescriptorStatus {
  limited: boolean;
  limit: CurrentLimit | undefined;
  remaining: number;
  /** Whole seconds. */
  untilReset: number;
}

export interface CurrentLimit {
  name: string;
  requestsPerUnit: number;
  /** Seconds of the unit; 0 where it is not known. */
  seconds: number;
}

export type Pair = readonly [name: string, value: string];

export interface RateLimitAnswer {
  /** Undefined: the service did not say. */
  limited: boolean | undefined;
  statuses: DescriptorStatus[];
  toClient: Pair[];
  toHost: Pair[];
  body: Buffer;
}

/** What is asked about: a descriptor, and the limit that the request brings along for it. */
export interface Asked {
  entries: Descriptor;
  limit: LimitOverride | undefined;
}

export function encodeQuestion(domain: string, descriptors: readonly Asked[]): Uint8Array {
  const writer = new BinaryWriter();
  writeText(writer, 1, domain);
  for (const { entries, limit } of descriptors)
    writeMessage(writer, 2, () => {
      for (const { key, value } of entries)
        writeMessage(writer, 1, () => {
          writeText(writer, 1, key);
          writeText(writer, 2, value);
        });
      if (limit !== undefined) writeMessage(writer, 2, () => writeOverride(writer, limit));
    });
  return writer.finish();
}

function writeOverride(writer: BinaryWriter, { requestsPerUnit, unit }: LimitOverride): void {
  if (requestsPerUnit !== 0) writer.tag(1, WireType.Varint).uint32(requestsPerUnit);
  if (unit !== 0) writer.tag(2, WireType.Varint).int32(unit);
}

const overLimit = 2;
const codes: Readonly<Record<number, boolean>> = { 1: false, [overLimit]: true };

/** @throws Error for what is no such message */
export function decodeAnswer(bytes: Uint8Array): RateLimitAnswer {
  const answer: RateLimitAnswer = { limited: undefined, statuses: [], toClient: [], toHost: [], body: Buffer.alloc(0) };
  readFields(bytes, (field, reader) => {
    if (field === 1) answer.limited = codes[reader.int32()];
    else if (field === 2) answer.statuses.push(readStatus(reader.bytes()));
    else if (field === 3) answer.toClient.push(readPair(reader.bytes()));
    else if (field === 4) answer.toHost.push(readPair(reader.bytes()));
    else if (field === 5) answer.body = Buffer.from(reader.bytes());
    else return false;
    return true;
  });
  return answer;
}

function readStatus(bytes: Uint8Array): DescriptorStatus {
  const status: DescriptorStatus = { limited: false, limit: undefined, remaining: 0, untilReset: 0 };
  readFields(bytes, (field, reader) => {
    if (field === 1) status.limited = reader.int32() === overLimit;
    else if (field === 2) status.limit = readLimit(reader.bytes());
    else if (field === 3) status.remaining = reader.uint32();
    else if (field === 4) status.untilReset = readSeconds(reader.bytes());
    else return false;
    return true;
  });
  return status;
}

/** Seconds of each unit, by its number. */
const unitSeconds = [0, 1, 60, 3600, 86_400, 2_592_000, 31_536_000];

function readLimit(bytes: Uint8Array): CurrentLimit {
  const limit: CurrentLimit = { name: '', requestsPerUnit: 0, seconds: 0 };
  readFields(bytes, (field, reader) => {
    if (field === 1) limit.requestsPerUnit = reader.uint32();
    else if (field === 2) limit.seconds = unitSeconds[reader.int32()] ?? 0;
    else if (field === 3) limit.name = reader.string();
    else return false;
    return true;
  });
  return limit;
}

function readSeconds(bytes: Uint8Array): number {
  let seconds = 0;
  readFields(bytes, (field, reader) => {
    if (field !== 1) return false;
    seconds = Number(reader.int64());
    return true;
  });
  return seconds;
}

function readPair(bytes: Uint8Array): Pair {
  let [name, value] = ['', ''];
  readFields(bytes, (field, reader) => {
    if (field === 1) name = reader.string().toLowerCase();
    else if (field === 2) value = reader.string();
    // raw_value
    else if (field === 3) value = Buffer.from(reader.bytes()).toString('latin1');
    else return false;
    return true;
  });
  return [name, value];
}
