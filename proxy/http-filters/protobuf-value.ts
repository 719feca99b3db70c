/** Reads a `google.protobuf.Value` from its bytes: the one message that requests may carry, so that the schema need not be loaded. */
import type { Json, JsonObject } from '../configuration/json.ts';

/** The bytes are no such message. */
export class MalformedValue extends Error {
  readonly code = 'MALFORMED_VALUE';
}

/** How deep values may stand within each other. */
const deepest = 100;

/**
 * @returns texts as bytes, one character each; undefined where the message says nothing
 * @throws MalformedValue
 */
export function readProtobufValue(bytes: Buffer, depth = 0): Json | undefined {
  if (depth > deepest) throw new MalformedValue('too deep');
  let value: Json | undefined;
  for (const { field, content } of fieldsOf(bytes)) {
    if (field === 1) value = null;
    else if (field === 2 && Buffer.isBuffer(content)) value = doubleOf(content);
    else if (field === 3 && Buffer.isBuffer(content)) value = content.toString('latin1');
    else if (field === 4) value = content !== 0;
    else if (field === 5 && Buffer.isBuffer(content)) value = structOf(content, depth + 1);
    else if (field === 6 && Buffer.isBuffer(content)) value = listOf(content, depth + 1);
  }
  return value;
}

/** The same for a `google.protobuf.Struct`. @throws MalformedValue */
export function readProtobufStruct(bytes: Buffer): JsonObject {
  return structOf(bytes, 0);
}

function structOf(bytes: Buffer, depth: number): JsonObject {
  const fields: [string, Json][] = [];
  for (const { content: entry } of fieldsOf(bytes)) {
    if (!Buffer.isBuffer(entry)) throw new MalformedValue('no entry of a map');
    let [key, value]: [string, Json] = ['', null];
    for (const { field, content } of fieldsOf(entry)) {
      if (!Buffer.isBuffer(content)) throw new MalformedValue('no entry of a map');
      if (field === 1) key = content.toString('latin1');
      else if (field === 2) value = readProtobufValue(content, depth) ?? null;
    }
    fields.push([key, value]);
  }
  return Object.fromEntries(fields);
}

function listOf(bytes: Buffer, depth: number): Json[] {
  return Array.from(fieldsOf(bytes), ({ content }) => {
    if (!Buffer.isBuffer(content)) throw new MalformedValue('no value');
    return readProtobufValue(content, depth) ?? null;
  });
}

function doubleOf(bytes: Buffer): number {
  if (bytes.length !== 8) throw new MalformedValue('no double');
  return bytes.readDoubleLE();
}

interface Field {
  field: number;
  /** A number for a varint, bytes for all else. */
  content: number | Buffer;
}

function* fieldsOf(bytes: Buffer): Generator<Field> {
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    at = tag.next;
    const [field, kind] = [Math.floor(tag.value / 8), tag.value % 8];
    if (kind === 0) {
      const { value, next } = varint(bytes, at);
      at = next;
      yield { field, content: value };
      continue;
    }
    const length = kind === 2 ? varint(bytes, at) : { value: lengthOf(kind), next: at };
    at = length.next + length.value;
    if (at > bytes.length) throw new MalformedValue('cut off');
    yield { field, content: bytes.subarray(length.next, at) };
  }
}

function lengthOf(kind: number): number {
  if (kind === 1) return 8;
  if (kind === 5) return 4;
  throw new MalformedValue(`no field has the type ${kind}`);
}

function varint(bytes: Buffer, start: number): { value: number; next: number } {
  let value = 0;
  for (let at = start; at < Math.min(bytes.length, start + 10); at++) {
    value += (bytes[at]! & 0x7f) * 2 ** (7 * (at - start));
    if (bytes[at]! < 0x80) return { value, next: at + 1 };
  }
  throw new MalformedValue('cut off');
}
