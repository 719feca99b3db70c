/** How a ConfigSource becomes a subscription. */
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { ResourceLoader } from '../configuration/resource-loader.ts';
import type { Log } from '../log.ts';
import type { StatsScope, StatsStore } from '../stats/store.ts';
import { FileSubscription } from './file-subscription.ts';
import { type Consumer, type Interest, type Subscription, SubscriptionStats } from './subscription.ts';
import { UpdateLoader } from './update-loader.ts';

export interface XdsContextOptions {
  loader: ResourceLoader;
  store: StatsStore;
  log: Log;
  /** Fields that the schema does not have are refused, not counted. */
  rejectUnknownFields: boolean;
  /** What the proxy calls itself to whoever sends resources. */
  node: { id: string; cluster: string };
}

/** @throws Error where configurations are made without one: to validate them, say */
export function requireXds(xds: XdsContext | undefined): XdsContext {
  if (xds === undefined) throw new Error('no resources can come here');
  return xds;
}

export class XdsContext {
  readonly log: Log;
  readonly #loader: UpdateLoader;
  readonly #isNamed: boolean;

  constructor({ loader, store, log, rejectUnknownFields, node }: XdsContextOptions) {
    this.#isNamed = node.id !== '' && node.cluster !== '';
    this.log = log;
    this.#loader = new UpdateLoader(loader, rejectUnknownFields, store.counter('server.dynamic_unknown_fields'));
  }

  /**
   * @param scope of its statistics
   * @throws Error for a source that is not there, and where the proxy has no name
   */
  subscribe(source: ConfigSource | undefined, interest: Interest, scope: StatsScope, consumer: Consumer): Subscription {
    if (!this.#isNamed) {
      const remedy = "Set it either in 'node' config or via --service-node and --service-cluster options.";
      throw new Error(`type.googleapis.com/${interest.typeName}: node 'id' and 'cluster' are required. ${remedy}`);
    }
    const options = { interest, consumer, stats: new SubscriptionStats(scope), loader: this.#loader, log: this.log };
    const from = source?.configSourceSpecifier;
    if (from?.case === 'path') return new FileSubscription({ path: from.value, watchedFolder: '' }, options);
    if (from?.case !== 'pathConfigSource')
      throw new Error(`a config source of kind ${from?.case ?? 'none'} is not supported`);
    const { path, watchedDirectory } = from.value;
    return new FileSubscription({ path, watchedFolder: watchedDirectory?.path ?? '' }, options);
  }
}
