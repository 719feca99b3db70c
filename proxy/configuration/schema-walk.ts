/**
 * Reads a JSON value as a message of the schema, as proto3 JSON says: every key must be a field, every value must fit. Gives the
 * canonical form: names as in the .proto files, in the order of field numbers, nulls and unset fields gone.
 */
import type { DescEnum, DescField, DescMessage, Registry } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { ConfigurationError, type Path } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { nearest } from './nearest.ts';
import { readScalar } from './scalars.ts';

/** How a walk finds types and positions. */
export interface WalkContext {
  registry: Registry;
  positionOf(path: Path): string;
  /** Hears of fields that the schema does not have, which are then left out; without it, they are refused. */
  onUnknownField?(path: Path): void;
}

/** Reads one message. */
export function readMessage(type: DescMessage, value: Json, path: Path, context: WalkContext): Json {
  const wellKnown = wellKnownTypes[type.typeName];
  if (wellKnown) return wellKnown(type, value, path, context);
  if (!isObject(value)) throw refuse(`expected a mapping (${type.typeName}), found ${describe(value)}`, path, context);
  return readFields(type, value, path, context);
}

function readFields(type: DescMessage, value: JsonObject, path: Path, context: WalkContext): JsonObject {
  const found = new Map<DescField, Json>();
  for (const [key, inner] of Object.entries(value)) {
    const field = fieldOf(type, key);
    if (!field && context.onUnknownField) {
      context.onUnknownField([...path, key]);
      continue;
    }
    if (!field) throw refuse(unknownField(type, key), [...path, key], context);
    if (inner === null && field.message?.typeName !== 'google.protobuf.Value') continue;
    if (found.has(field)) throw refuse('given twice', [...path, key], context);
    found.set(field, readField(field, inner, [...path, field.name], context));
  }
  refuseTwoOfOneof(type, found, path, context);
  const sorted = [...found].sort(([a], [b]) => a.number - b.number);
  return Object.fromEntries(sorted.map(([field, inner]) => [field.name, inner]));
}

/** Finds a field by either of its names. */
export function fieldOf(type: DescMessage, key: string): DescField | undefined {
  return type.fields.find(field => field.name === key || field.jsonName === key);
}

function unknownField(type: DescMessage, key: string): string {
  const guess = nearest(
    key,
    type.fields.map(field => field.name),
  );
  return `no such field in ${type.typeName}${guess ? `: did you mean ${guess}?` : ''}`;
}

function refuseTwoOfOneof(type: DescMessage, found: Map<DescField, Json>, path: Path, context: WalkContext): void {
  for (const oneof of type.oneofs) {
    const set = oneof.fields.filter(field => found.has(field));
    if (set.length < 2) continue;
    const names = set.map(field => `'${field.name}'`).join(' and ');
    throw refuse(`only one of ${names} may be set`, [...path, set[1]!.name], context);
  }
}

function readField(field: DescField, value: Json, path: Path, context: WalkContext): Json {
  if (field.fieldKind === 'list') {
    // Envoy reads a single value where a list is expected as a list of one.
    const items = Array.isArray(value) ? value : [value];
    return items.map((item, index) => readSingle(field, item, Array.isArray(value) ? [...path, index] : path, context));
  }
  if (field.fieldKind !== 'map') return readSingle(field, value, path, context);
  if (!isObject(value)) throw refuse(`expected a mapping, found ${describe(value)}`, path, context);
  const entries = Object.entries(value).map(([key, inner]) => [key, readSingle(field, inner, [...path, key], context)]);
  return Object.fromEntries(entries);
}

function readSingle(field: DescField, value: Json, path: Path, context: WalkContext): Json {
  if (field.message) return readMessage(field.message, value, path, context);
  if (field.enum) return readEnum(field.enum, value, path, context);
  return readScalarOf(field.scalar ?? ScalarType.STRING, value, path, context);
}

function readScalarOf(scalar: ScalarType, value: Json, path: Path, context: WalkContext): Json {
  const result = readScalar(scalar, value);
  if ('problem' in result) throw refuse(result.problem, path, context);
  return result.value;
}

function readEnum(type: DescEnum, value: Json, path: Path, context: WalkContext): Json {
  const found = typeof value === 'number' ? type.value[value] : type.values.find(({ name }) => name === value);
  if (found) return found.name;
  const names = type.values.map(({ name }) => name);
  throw refuse(`unknown value '${String(value)}': one of ${names.join(', ')}`, path, context);
}

type Reader = (type: DescMessage, value: Json, path: Path, context: WalkContext) => Json;

const readWrapper: Reader = (type, value, path, context) => readScalarOf(type.fields[0]!.scalar!, value, path, context);

const readAny: Reader = (_type, value, path, context) => {
  if (!isObject(value)) throw refuse(`expected a mapping with "@type", found ${describe(value)}`, path, context);
  const { '@type': url, ...rest } = value;
  if (url === undefined && Object.keys(rest).length === 0) return {};
  if (typeof url !== 'string') throw refuse('"@type" is missing: it says which message this is', path, context);
  const name = url.slice(url.lastIndexOf('/') + 1);
  const inner = context.registry.getMessage(name);
  if (!inner) throw refuse(unknownType(name, context.registry), [...path, '@type'], context);
  if (!wellKnownTypes[name]) return { '@type': url, ...readFields(inner, rest, path, context) };
  return { '@type': url, value: readMessage(inner, rest.value ?? null, [...path, 'value'], context) };
};

/** What this proxy will not have: code in configurations. */
const notByDesign = /^envoy\.extensions\.filters\.http\.lua\.v3\.Lua(PerRoute)?$/;

function unknownType(name: string, registry: Registry): string {
  if (notByDesign.test(name))
    return `Lua is not supported by this proxy, by design: it runs no code of its configuration (${name})`;
  const names = [...registry].map(type => type.typeName);
  const guess = nearest(name, names);
  return `could not find @type '${name}'; this proxy does not have it${guess ? ` (did you mean ${guess}?)` : ''}`;
}

const readDuration: Reader = (type, value, path, context) => {
  if (isObject(value)) return durationOf(readFields(type, value, path, context), path, context);
  if (typeof value === 'string' && /^-?\d+(\.\d{1,9})?s$/.test(value)) return value;
  throw refuse(`expected a duration such as 1.5s, found ${describe(value)}`, path, context);
};

/** As the message of its fields, which Envoy takes too; it dies of those that are refused here. */
function durationOf({ seconds = 0, nanos = 0 }: JsonObject, path: Path, context: WalkContext): string {
  const isInRange =
    Number(seconds) >= 0 && Number(seconds) <= 315_576_000_000 && Number(nanos) >= 0 && Number(nanos) < 1e9;
  if (!isInRange)
    throw refuse('expected a duration from 0 to 315576000000 seconds, and less than 10^9 nanos', path, context);
  return `${`${seconds}.${String(nanos).padStart(9, '0')}`.replace(/\.?0+$/, '')}s`;
}

const readObject: Reader = (_type, value, path, context) => {
  if (isObject(value)) return value;
  throw refuse(`expected a mapping, found ${describe(value)}`, path, context);
};

const readAsIs: Reader = (_type, value) => value;

const readString: Reader = (_type, value, path, context) => readScalarOf(ScalarType.STRING, value, path, context);

const wrapperNames = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'];
const wellKnownTypes: Record<string, Reader> = {
  'google.protobuf.Any': readAny,
  'google.protobuf.Duration': readDuration,
  'google.protobuf.Struct': readObject,
  'google.protobuf.Value': readAsIs,
  'google.protobuf.ListValue': readAsIs,
  'google.protobuf.Timestamp': readString,
  'google.protobuf.FieldMask': readString,
  ...Object.fromEntries(wrapperNames.map(name => [`google.protobuf.${name}Value`, readWrapper])),
};

/** Whether a message's JSON is not an object of its fields. */
export function isWellKnown(type: DescMessage): boolean {
  return type.typeName in wellKnownTypes;
}

function refuse(reason: string, path: Path, context: WalkContext): ConfigurationError {
  return new ConfigurationError(reason, { path, position: context.positionOf(path) });
}

function describe(value: Json): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'a mapping';
  return value === null ? 'nothing' : `${typeof value === 'string' ? 'the text' : `the ${typeof value}`} '${value}'`;
}
