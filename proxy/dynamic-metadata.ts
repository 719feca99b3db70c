/** What filters say of one request to each other, to routes and to the access log: fields by namespace. Texts hold bytes, one character each, as headers do. */
import { isObject, type Json, type JsonObject } from './configuration/json.ts';

export class DynamicMetadata {
  readonly #namespaces = new Map<string, JsonObject>();

  static of(namespaces: Iterable<readonly [name: string, fields: JsonObject]>): DynamicMetadata {
    const metadata = new DynamicMetadata();
    for (const [name, fields] of namespaces) metadata.add(name, fields);
    return metadata;
  }

  /** Adds fields, which nobody changes from now on; one that is there is replaced. */
  add(namespace: string, fields: JsonObject): void {
    const before = this.#namespaces.get(namespace);
    this.#namespaces.set(namespace, before === undefined ? fields : { ...before, ...fields });
  }

  namespaces(): Iterable<[name: string, fields: JsonObject]> {
    return this.#namespaces;
  }

  namespace(name: string): JsonObject | undefined {
    return this.#namespaces.get(name);
  }

  /** The value at a path of keys within a namespace; no keys: all of it. */
  at(namespace: string, keys: readonly string[]): Json | undefined {
    return valueAt(this.#namespaces.get(namespace), keys);
  }
}

/** The value at a path of keys; undefined where it leads nowhere. */
function valueAt(fields: JsonObject | undefined, keys: readonly string[]): Json | undefined {
  let value: Json | undefined = fields;
  for (const key of keys) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}
