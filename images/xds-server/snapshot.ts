/** What should be: the resources of each kind, and how often they changed. */
import { type Kind, type KindName, kinds } from './kinds.ts';
import type { Resource } from './resources.ts';

/** One kind's resources as they are now. */
export interface Held {
  kind: Kind;
  /** Counts changes from 1 on; 0: nothing was there yet. */
  version: number;
  resources: ReadonlyMap<string, Resource>;
}

export class Snapshot {
  readonly #held = new Map<KindName, Held>(kinds.map(kind => [kind.name, { kind, version: 0, resources: new Map() }]));

  of(kind: Kind): Held {
    return this.#held.get(kind.name)!;
  }

  /** Puts resources in place of those before. @returns what is held now, or undefined where they are the same */
  replace(kind: Kind, resources: readonly Resource[]): Held | undefined {
    const before = this.of(kind);
    const isSame =
      before.resources.size === resources.length &&
      resources.every(({ name, version }) => before.resources.get(name)?.version === version);
    if (isSame && (before.version > 0 || resources.length === 0)) return undefined;
    const held = { kind, version: before.version + 1, resources: new Map(resources.map(one => [one.name, one])) };
    this.#held.set(kind.name, held);
    return held;
  }
}
