/** Reads the scalars of proto3 JSON. */
import { ScalarType } from '@bufbuild/protobuf';
import type { Json } from './json.ts';

export type ScalarResult = { value: Json } | { problem: string };

interface Range {
  low: bigint;
  high: bigint;
  name: string;
  /** 64-bit integers are strings in JSON. */
  text: boolean;
}

const int32: Range = { low: -(2n ** 31n), high: 2n ** 31n - 1n, name: 'int32', text: false };
const uint32: Range = { low: 0n, high: 2n ** 32n - 1n, name: 'uint32', text: false };
const int64: Range = { low: -(2n ** 63n), high: 2n ** 63n - 1n, name: 'int64', text: true };
const uint64: Range = { low: 0n, high: 2n ** 64n - 1n, name: 'uint64', text: true };

const integers: Partial<Record<ScalarType, Range>> = {
  [ScalarType.INT32]: int32,
  [ScalarType.SINT32]: int32,
  [ScalarType.SFIXED32]: int32,
  [ScalarType.UINT32]: uint32,
  [ScalarType.FIXED32]: uint32,
  [ScalarType.INT64]: int64,
  [ScalarType.SINT64]: int64,
  [ScalarType.SFIXED64]: int64,
  [ScalarType.UINT64]: uint64,
  [ScalarType.FIXED64]: uint64,
};

/** The canonical JSON of a scalar, or what is wrong with it. */
export function readScalar(scalar: ScalarType, value: Json): ScalarResult {
  const range = integers[scalar];
  if (range) return readInteger(range, value);
  if (scalar === ScalarType.BOOL) return readBool(value);
  if (scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) return readFloat(value);
  if (typeof value === 'string') return { value };
  return { problem: `expected text, found ${JSON.stringify(value)}${isPrimitive(value) ? ': put it in quotes' : ''}` };
}

function isPrimitive(value: Json): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function readBool(value: Json): ScalarResult {
  return typeof value === 'boolean' ? { value } : { problem: `expected true or false, found ${JSON.stringify(value)}` };
}

function readFloat(value: Json): ScalarResult {
  if (typeof value === 'number') return { value };
  if (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value))) return { value: Number(value) };
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return { value };
  return { problem: `expected a number, found ${JSON.stringify(value)}` };
}

function readInteger({ low, high, name, text }: Range, value: Json): ScalarResult {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.0+)?(e\d+)?$/i.test(value));
  if (!isNumber) return { problem: `expected a number (${name}), found ${JSON.stringify(value)}` };
  if (!Number.isInteger(Number(value))) return { problem: `expected a whole number (${name}), found ${value}` };
  const integer = typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : BigInt(Number(value));
  if (integer < low || integer > high) return { problem: `${value} is out of range for ${name} (${low} to ${high})` };
  return { value: text ? String(integer) : Number(integer) };
}
