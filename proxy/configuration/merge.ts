/** Merges one configuration over another as protobuf does: messages field by field, lists one after the other, the rest replaced. */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { isObject, type Json, type JsonObject } from './json.ts';
import { fieldOf, isWellKnown } from './schema-walk.ts';

/** Both are in canonical form; neither is changed. */
export function mergeMessages(type: DescMessage, base: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const field = fieldOf(type, name);
    if (!field) continue;
    for (const other of field.oneof?.fields ?? []) if (other !== field) delete merged[other.name];
    const before = merged[name];
    merged[name] = before === undefined ? value : mergeField(field, before, value);
  }
  const number = (name: string) => fieldOf(type, name)?.number ?? 0;
  return Object.fromEntries(Object.entries(merged).sort(([a], [b]) => number(a) - number(b)));
}

function mergeField(field: DescField, before: Json, value: Json): Json {
  if (Array.isArray(before) && Array.isArray(value)) return [...before, ...value];
  if (!isObject(before) || !isObject(value)) return value;
  if (field.fieldKind === 'map') return { ...before, ...value };
  return field.message && !isWellKnown(field.message) ? mergeMessages(field.message, before, value) : value;
}
