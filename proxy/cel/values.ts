/** Values of expressions as access logs print them. */
import { type CelValue, isCelList, isCelMap, isCelType, isCelUint } from '@bufbuild/cel';
import { toJson } from '@bufbuild/protobuf';
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { Json } from '../configuration/json.ts';
import { asBytes, latin1 } from '../net/latin1.ts';

/** In Envoy's form, a character for each byte: lists and maps by their type alone. */
export function printed(value: CelValue): string {
  switch (typeof value) {
    case 'string':
      return asBytes(value);
    case 'number':
      return shortDouble(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
  }
  if (value === null) return 'NULL';
  if (value instanceof Uint8Array) return latin1(Buffer.from(value));
  if (isCelUint(value)) return String(value.value);
  if (isCelList(value)) return 'CelList value';
  if (isCelMap(value)) return 'CelMap value';
  if (isCelType(value)) return 'CelType value';
  const { message } = value;
  if (message.$typeName === DurationSchema.typeName) return durationText(message as Duration);
  if (message.$typeName === TimestampSchema.typeName) return timestampText(message as Timestamp);
  return 'CelMap value';
}

/** As proto3 has them in JSON; undefined where that has no form for it. */
export function jsonOf(value: CelValue): Json | undefined {
  switch (typeof value) {
    case 'string':
      return asBytes(value);
    case 'number':
      return Number.isNaN(value) ? null : value;
    case 'boolean':
      return value;
    case 'bigint':
      return Number(value);
    default:
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (isCelUint(value)) return Number(value.value);
  if (isCelList(value)) return [...value].map(item => jsonOf(item) ?? null);
  if (isCelMap(value)) return mapOf(value);
  if (isCelType(value)) return undefined;
  const { message } = value;
  if (message.$typeName === DurationSchema.typeName) return toJson(DurationSchema, message as Duration);
  if (message.$typeName === TimestampSchema.typeName) return toJson(TimestampSchema, message as Timestamp);
  return undefined;
}

function mapOf(map: Iterable<[unknown, CelValue]>): Json | undefined {
  try {
    return Object.fromEntries([...map].map(([key, value]) => [asBytes(String(key)), jsonOf(value) ?? null]));
  } catch {
    // Attributes, which cannot be listed.
    return undefined;
  }
}

/** Six digits, as C's `%g`. */
function shortDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits = '', exponent = ''] = value.toExponential(5).split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return withoutZeros(value.toFixed(5 - power));
  return `${withoutZeros(digits)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const withoutZeros = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

const subSecondUnits: readonly (readonly [unit: string, nanos: number])[] = [
  ['ms', 1_000_000],
  ['us', 1000],
  ['ns', 1],
];

/** `1h2m3.5s`, or `1.5ms` of less than a second. */
function durationText({ seconds, nanos }: Duration): string {
  if (seconds === 0n && nanos === 0) return '0';
  const sign = seconds < 0n || nanos < 0 ? '-' : '';
  const whole = seconds < 0n ? -seconds : seconds;
  const rest = Math.abs(nanos);
  if (whole === 0n) {
    const [unit, size] = subSecondUnits.find(([, nanosOfUnit]) => rest >= nanosOfUnit)!;
    return `${sign}${rest / size}${unit}`;
  }
  const [hours, minutes, last] = [whole / 3600n, (whole / 60n) % 60n, whole % 60n];
  const fraction = fractionOf(rest);
  const tail = last === 0n && fraction === '' ? '' : `${last}${fraction}s`;
  return `${sign}${hours === 0n ? '' : `${hours}h`}${minutes === 0n ? '' : `${minutes}m`}${tail}`;
}

const fractionOf = (nanos: number): string =>
  nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;

function timestampText({ seconds, nanos }: Timestamp): string {
  const until = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${until}${fractionOf(nanos)}+00:00`;
}
