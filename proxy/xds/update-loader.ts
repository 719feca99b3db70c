/** Makes updates of what subscriptions are sent. */
import type { ResourceLoader } from '../configuration/resource-loader.ts';
import type { LoadedResource, LoadedResources, RefusedResource, ResourceRequest } from '../configuration/resources.ts';
import type { Counter } from '../stats/stats.ts';
import { type Interest, type Update, UpdateRefused } from './subscription.ts';

export class UpdateLoader {
  readonly #loader: ResourceLoader;
  readonly #rejectUnknownFields: boolean;
  readonly #unknownFields: Counter;

  /** @param rejectUnknownFields fields that the schema does not have are refused, not counted */
  constructor(loader: ResourceLoader, rejectUnknownFields: boolean, unknownFields: Counter) {
    this.#loader = loader;
    this.#rejectUnknownFields = rejectUnknownFields;
    this.#unknownFields = unknownFields;
  }

  /** @throws ConfigurationError where the whole cannot be read; UpdateRefused where a resource is no valid message: none of them is taken then */
  async load({ typeName, clusters }: Interest, source: ResourceRequest['source']): Promise<Update> {
    const rejectUnknownFields = this.#rejectUnknownFields;
    const loaded = await this.#loader.load({ typeName, source, rejectUnknownFields, clusters: clusters?.() });
    this.#unknownFields.add(loaded.unknownFields);
    return updateOf(loaded);
  }
}

function updateOf({ version, resources }: LoadedResources): Update {
  const taken: LoadedResource[] = [];
  const refused: RefusedResource[] = [];
  for (const resource of resources) {
    if (!('refused' in resource)) taken.push(resource);
    else if (resource.invalid) throw new UpdateRefused(resource.refused);
    else refused.push(resource);
  }
  return { version, resources: taken, refused };
}
