/** What a route asks of the metadata of hosts. */
import type { Metadata } from '../api/envoy/config/core/v3/base_pb.js';
import { canonical, type Json, type JsonObject } from '../configuration/json.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';

const namespace = 'envoy.lb';

/** The fields of `envoy.lb`; undefined where there is no such part. */
export function balancerMetadata(metadata: Metadata | undefined): JsonObject | undefined {
  return metadata?.filterMetadata[namespace] as JsonObject | undefined;
}

/** Keys with the values that they have to have, sorted by key. */
export class MetadataCriteria {
  /** By which a subset with just these keys and values is found. */
  readonly key: string;
  readonly fields: ReadonlyMap<string, Json>;
  /** Made for one request alone: nobody will ask with it again. */
  readonly once: boolean;

  constructor(fields: ReadonlyMap<string, Json>, once = false) {
    this.once = once;
    this.fields = new Map([...fields].sort(([a], [b]) => (a < b ? -1 : 1)));
    this.key = subsetKey(this.fields);
  }

  /**
   * What a route asks for; undefined where it asks for nothing.
   * @param outer what holds for those keys that these metadata do not name
   */
  static of(metadata: Metadata | undefined, outer?: MetadataCriteria): MetadataCriteria | undefined {
    const fields = balancerMetadata(metadata);
    return fields === undefined ? outer : new MetadataCriteria(new Map([...(outer?.fields ?? []), ...entries(fields)]));
  }

  /**
   * What a request asks for beyond its route.
   * @param metadata what filters said of it: the part `envoy.lb` counts
   */
  static forRequest(
    metadata: DynamicMetadata | undefined,
    route: MetadataCriteria | undefined,
  ): MetadataCriteria | undefined {
    const fields = metadata?.namespace(namespace);
    return fields === undefined
      ? route
      : new MetadataCriteria(new Map([...(route?.fields ?? []), ...entries(fields)]), true);
  }

  /** Those of its keys that are among these. */
  only(keys: ReadonlySet<string>): MetadataCriteria {
    return new MetadataCriteria(new Map([...this.fields].filter(([key]) => keys.has(key))));
  }

  /** With these fields, and its own where they say nothing. */
  overriddenBy(fields: JsonObject): MetadataCriteria {
    return new MetadataCriteria(new Map([...this.fields, ...entries(fields)]));
  }
}

/** @param fields sorted by key */
export const subsetKey = (fields: Iterable<readonly [string, Json]>): string =>
  JSON.stringify(Array.from(fields, ([key, value]) => [key, canonical(value)]));

const entries = (fields: JsonObject): [string, Json][] => Object.entries(fields) as [string, Json][];
