/** A part of the configuration as it is written: what it says, and where it stands. */
import type { Path } from '../configuration/errors.ts';
import { isObject, type Json, type JsonObject } from '../configuration/json.ts';
import type { Origin, ResourceName } from './decision.ts';

export class WrittenPart {
  /** In canonical JSON. */
  readonly value: Json;
  readonly origin: Origin;

  private constructor(value: Json, origin: Origin) {
    this.value = value;
    this.origin = origin;
  }

  static bootstrap(document: JsonObject): WrittenPart {
    return new WrittenPart(document, { resource: undefined, path: [] });
  }

  static resource(resource: ResourceName, document: JsonObject): WrittenPart {
    return new WrittenPart(document, { resource, path: [] });
  }

  /** What stands further in; undefined where that is not written. */
  at(...steps: Path): WrittenPart | undefined {
    let value: Json | undefined = this.value;
    for (const step of steps) {
      if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
      else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
      if (value === undefined) return undefined;
    }
    const { resource, path } = this.origin;
    return new WrittenPart(value, { resource, path: [...path, ...steps] });
  }

  /** The items of a list in it. */
  items(...steps: Path): WrittenPart[] {
    const list = this.at(...steps);
    if (list === undefined || !Array.isArray(list.value)) return [];
    return list.value.flatMap((_, index) => list.at(index) ?? []);
  }

  /** What a field says, if that is a text or a number; '' where it is not written. */
  text(...steps: Path): string {
    const value = this.at(...steps)?.value;
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  }
}
