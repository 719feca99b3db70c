/** Walks a canonical configuration along its schema. */
import type { DescField, DescMessage, Registry } from '@bufbuild/protobuf';
import type { Path } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { fieldOf, isWellKnown } from './schema-walk.ts';

/** One message on the way, with what holds it. */
export interface Visited {
  type: DescMessage;
  value: JsonObject;
  path: Path;
  /** The messages around it, outermost first, up to the nearest typed_config: Envoy checks each of those by itself. */
  around: readonly Step[];
}

/** How one message is held by another. */
export interface Step {
  type: DescMessage;
  field: DescField;
  /** Which one of a list, or which key of a map. */
  index?: number | string;
}

/** Calls `visit` for a message and then for each message in it, in the order of the document. */
export function visitMessages(start: Visited, registry: Registry, visit: (visited: Visited) => void): void {
  visit(start);
  for (const [name, value] of Object.entries(start.value)) {
    const field = fieldOf(start.type, name);
    if (!field?.message) continue;
    for (const [held, index] of items(field, value)) visitHeld(start, field, held, index, registry, visit);
  }
}

function visitHeld(
  { type, path, around }: Visited,
  field: DescField,
  value: Json,
  index: number | string | undefined,
  registry: Registry,
  visit: (visited: Visited) => void,
): void {
  const message = field.message;
  if (!message || !isObject(value)) return;
  const innerPath = index === undefined ? [...path, field.name] : [...path, field.name, index];
  if (message.typeName === 'google.protobuf.Any') {
    const { '@type': url = '', ...rest } = value;
    const inner = registry.getMessage(String(url).slice(String(url).lastIndexOf('/') + 1));
    if (inner && !isWellKnown(inner))
      visitMessages({ type: inner, value: rest, path: innerPath, around: [] }, registry, visit);
    return;
  }
  if (isWellKnown(message)) return;
  const step: Step = index === undefined ? { type, field } : { type, field, index };
  visitMessages({ type: message, value, path: innerPath, around: [...around, step] }, registry, visit);
}

/** What a field holds, one by one, with the index in a list or the key in a map. */
export function items(field: DescField, value: Json): [Json, number | string | undefined][] {
  if (field.fieldKind === 'list' && Array.isArray(value)) return value.map((item, index) => [item, index]);
  if (field.fieldKind === 'map' && isObject(value)) return Object.entries(value).map(([key, item]) => [item, key]);
  return [[value, undefined]];
}
