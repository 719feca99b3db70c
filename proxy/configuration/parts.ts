/** Parts of a configuration with their places, for rules that go across fields. */
import type { ConfigurationError, Path } from './errors.ts';
import { isObject, type JsonObject } from './json.ts';

/** A part of the document and where it stands. */
export interface Part {
  value: JsonObject;
  path: Path;
}

/** Makes the error that says what is wrong with a place. */
export type Refuse = (reason: string, path: Path) => ConfigurationError;

/** Every extension is found by the type of its configuration; a name alone says nothing. */
export function requireTypedConfig(part: Part, refuse: Refuse): void {
  const type = at(part, 'typed_config')?.value['@type'];
  if (type !== undefined) return;
  throw refuse(`Didn't find a registered implementation for '${part.value.name ?? ''}' with type URL: ''`, part.path);
}

/** The mapping at a path below a part. */
export function at(part: Part, ...keys: string[]): Part | undefined {
  let { value, path }: Part = part;
  for (const key of keys) {
    const inner = value[key];
    if (!isObject(inner)) return undefined;
    value = inner;
    path = [...path, key];
  }
  return { value, path };
}

/** The mappings of a list at a path below a part. */
export function list(part: Part, ...keys: string[]): Part[] {
  const last = keys.at(-1)!;
  const holder = at(part, ...keys.slice(0, -1));
  const value = holder?.value[last];
  if (!holder || !Array.isArray(value)) return [];
  return value.flatMap((item, index) => (isObject(item) ? [{ value: item, path: [...holder.path, last, index] }] : []));
}
