/** States dynamic metadata of every request (Envoy's set_metadata), for those who read metadata: routes, access rules, subsets, access logs. */
import type { Message } from '@bufbuild/protobuf';
import type { Config } from '../api/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.js';
import { isObject, type Json, type JsonObject } from '../configuration/json.ts';
import { fieldsAsBytes } from '../stated-metadata.ts';
import type { Counter } from '../stats/stats.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

export const setMetadata: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.set_metadata.v3.Config',
  compile(configuration, { scope }) {
    const entries = entriesOf(configuration as Message & Config);
    const denied = scope.counter('set_metadata.overwrite_denied');
    return stream => new SetMetadataFilter(stream, entries, denied);
  },
};

interface Entry {
  readonly namespace: string;
  readonly fields: JsonObject;
  readonly mayOverwrite: boolean;
}

/** What is said by the fields that are deprecated comes first. Without a value nothing is said. */
function entriesOf({ metadataNamespace, value, metadata }: Config): Entry[] {
  const deprecated = { metadataNamespace, value: metadataNamespace === '' ? undefined : value, allowOverwrite: true };
  return [deprecated, ...metadata].flatMap(said =>
    said.value === undefined
      ? []
      : [
          {
            namespace: said.metadataNamespace,
            fields: fieldsAsBytes(said.value as JsonObject),
            mayOverwrite: said.allowOverwrite,
          },
        ],
  );
}

class SetMetadataFilter extends StreamFilter {
  readonly #entries: readonly Entry[];
  readonly #denied: Counter;

  constructor(stream: FilterStream, entries: readonly Entry[], denied: Counter) {
    super(stream);
    this.#entries = entries;
    this.#denied = denied;
  }

  override onRequestHead(): Verdict {
    const { info } = this.stream;
    for (const { namespace, fields, mayOverwrite } of this.#entries) {
      const there = info.metadata?.namespace(namespace);
      if (there === undefined) info.setMetadata(namespace, fields);
      else if (mayOverwrite) info.setMetadata(namespace, merged(there, fields));
      else this.#denied.increment();
    }
    return 'continue';
  }
}

/** Structures are merged, lists are put behind each other; of all else the latter counts, as in Envoy. */
function merged(there: JsonObject, more: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...there };
  for (const [key, value] of Object.entries(more)) {
    const before = Object.hasOwn(there, key) ? there[key] : undefined;
    if (Array.isArray(before) && Array.isArray(value)) result[key] = [...before, ...value];
    else result[key] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}
