/** How a ConfigSource becomes a subscription. */

import { ApiConfigSource_ApiType as ApiType } from '../api/enums.js';
import type { ApiConfigSource, ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { GrpcService } from '../api/envoy/config/core/v3/grpc_service_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import type { ResourceLoader } from '../configuration/resource-loader.ts';
import { milliseconds } from '../duration.ts';
import type { Log } from '../log.ts';
import type { StatsScope, StatsStore } from '../stats/store.ts';
import type { Crew } from '../workers/crew.ts';
import { FollowedSubscription, isTold, subscriptionName, TellingConsumer } from './crew-subscription.ts';
import { FileSubscription } from './file-subscription.ts';
import { Mux } from './mux.ts';
import { type RestSource, RestSubscription } from './rest-subscription.ts';
import { type Consumer, type Interest, type Subscription, SubscriptionStats } from './subscription.ts';
import { aggregatedPath, type DiscoveryTransport, pathOf, type RestTransport } from './transport.ts';
import { UpdateLoader } from './update-loader.ts';
import { Watch, type WatchOptions } from './watch.ts';

export interface XdsContextOptions {
  loader: ResourceLoader;
  store: StatsStore;
  log: Log;
  /** Fields that the schema does not have are refused, not counted. */
  rejectUnknownFields: boolean;
  /** What the proxy calls itself to whoever sends resources. */
  node: {
    id: string;
    cluster: string;
    /** The whole Node in binary; undefined: nothing is asked of a control plane. */
    bytes?: Uint8Array;
    /** The same in JSON. */
    document?: JsonObject;
  };
  /** Undefined where one worker serves. */
  crew?: Crew | undefined;
  /** Is called after each update that was taken or refused; undefined: nobody wants to know. */
  heard?: (() => void) | undefined;
}

/** How control planes are reached. */
export interface Transports {
  grpc(service: GrpcService): DiscoveryTransport;
  rest(clusterName: string): RestTransport;
}

/** As Envoy waits where nothing is configured. */
const usualFetchTimeoutMs = 15_000;
const usualRequestTimeoutMs = 1000;

/** @throws Error where configurations are made without one: to validate them, say */
export function requireXds(xds: XdsContext | undefined): XdsContext {
  if (xds === undefined) throw new Error('no resources can come here');
  return xds;
}

export class XdsContext {
  readonly log: Log;
  readonly #options: XdsContextOptions;
  readonly #loader: UpdateLoader;
  #transports: Transports | undefined;
  readonly #shared = new Map<string, { shared: { stop(): void }; users: number }>();
  /** Those that other workers follow, by name: the last of a name is the one that goes on. */
  readonly #telling = new Map<string, Subscription>();
  /** The stream for all kinds. */
  #aggregated: Mux | undefined;
  #isAggregatedDelta = false;

  constructor(options: XdsContextOptions) {
    const { loader, store, log, rejectUnknownFields } = options;
    this.#options = options;
    this.log = log;
    this.#loader = new UpdateLoader(loader, rejectUnknownFields, store.counter('server.dynamic_unknown_fields'));
  }

  /**
   * Says how control planes are reached, before anything is asked.
   * @param aggregated that of the stream for all kinds
   * @throws Error for a source that cannot be
   */
  connect(transports: Transports, aggregated: ApiConfigSource | undefined): void {
    this.#transports = transports;
    this.#isAggregatedDelta = aggregated !== undefined && isDelta(aggregated);
    if (this.#options.crew?.told !== undefined) return;
    if (aggregated === undefined) return;
    this.#requireName('ads');
    this.#aggregated = this.#muxOf(aggregated, this.#options.store.scope(''), aggregatedPath(isDelta(aggregated)));
  }

  /**
   * @param scope of its statistics
   * @throws Error for a source that is not there, and where the proxy has no name
   */
  subscribe(source: ConfigSource | undefined, interest: Interest, scope: StatsScope, consumer: Consumer): Subscription {
    this.#requireName(`type.googleapis.com/${interest.typeName}`);
    const { crew } = this.#options;
    if (crew === undefined || !isTold(interest)) return this.#own(source, interest, scope, consumer);
    const name = subscriptionName(source, interest);
    if (crew.told !== undefined) return new FollowedSubscription(name, crew.told, consumer, this.log);
    const telling = new TellingConsumer(name, interest, crew, consumer);
    const told = telling.over(this.#own(source, interest, scope, telling));
    const stop = (): void => {
      if (this.#telling.get(name) === subscription) this.#telling.delete(name);
      told.stop();
    };
    const subscription: Subscription = { ...told, stop };
    this.#telling.set(name, subscription);
    return subscription;
  }

  /** Asks for one more resource of a subscription that other workers follow. */
  takeDemand(subscription: string, name: string): void {
    this.#telling.get(subscription)?.demand?.(name);
  }

  /** Hears what other workers ask for, by a name that all of them know. */
  hearDemands(subscription: string, demand: (name: string) => void): void {
    this.#telling.set(subscription, { start: async () => {}, stop: () => {}, demand });
  }

  #own(source: ConfigSource | undefined, interest: Interest, scope: StatsScope, consumer: Consumer): Subscription {
    const stats = new SubscriptionStats(scope, this.#options.heard);
    const from = source?.configSourceSpecifier;
    const initialFetchTimeoutMs = milliseconds(source?.initialFetchTimeout, usualFetchTimeoutMs);
    const watched: WatchOptions = { interest, consumer, stats, initialFetchTimeoutMs };
    const handling = { interest, consumer, stats, loader: this.#loader, log: this.log };
    switch (from?.case) {
      case 'path':
        return new FileSubscription({ path: from.value, watchedFolder: '' }, handling);
      case 'pathConfigSource':
        return new FileSubscription(
          { path: from.value.path, watchedFolder: from.value.watchedDirectory?.path ?? '' },
          handling,
        );
      case 'ads':
        if (this.#aggregated === undefined)
          throw new Error('ads: {} asks for the stream of dynamic_resources.ads_config, and there is none');
        return new Watch(this.#aggregated, watched);
      case 'apiConfigSource':
        if (from.value.apiType === ApiType.REST)
          return new RestSubscription(this.#restSource(from.value, initialFetchTimeoutMs), handling);
        return this.#ownStream(from.value, watched, scope);
      default:
        throw new Error(`a config source of kind ${from?.case ?? 'none'} is not supported`);
    }
  }

  /** @throws Error for a source of what is asked for one by one that tells the state of the world, not changes only: in Envoy's words */
  requireDelta(source: ConfigSource | undefined, asker = 'vhds'): void {
    const from = source?.configSourceSpecifier;
    if (from?.case === 'apiConfigSource' && isDelta(from.value)) return;
    if (from?.case !== 'ads')
      throw new Error(`${asker}: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source.`);
    if (!this.#isAggregatedDelta)
      throw new Error(`${asker}: ADS must use DELTA_GRPC api_type when used as ${asker.toUpperCase()} config source.`);
  }

  /** Holds back what the stream for all kinds is to say of these messages, until the answer is called. */
  pause(typeNames: readonly string[]): () => void {
    return this.#aggregated?.pause(typeNames) ?? (() => undefined);
  }

  /**
   * One for all who ask for the same, as long as anybody does: it is made for the first, and stopped when the last has released it.
   * @param key tells what is the same
   */
  share<Shared extends { stop(): void }>(key: string, make: () => Shared): { shared: Shared; release(): void } {
    const known = this.#shared.get(key) ?? { shared: make(), users: 0 };
    this.#shared.set(key, known);
    known.users++;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      if (--known.users > 0) return;
      this.#shared.delete(key);
      known.shared.stop();
    };
    return { shared: known.shared as Shared, release };
  }

  stop(): void {
    this.#aggregated?.stop();
  }

  #ownStream(source: ApiConfigSource, options: WatchOptions, scope: StatsScope): Subscription {
    const { typeName } = options.interest;
    const mux = this.#muxOf(source, scope, pathOf(typeName, isDelta(source)));
    const watch = new Watch(mux, options);
    const stop = (): void => {
      watch.stop();
      mux.stop();
    };
    return { start: () => watch.start(), stop, demand: name => watch.demand(name) };
  }

  #restSource(source: ApiConfigSource, initialFetchTimeoutMs: number): RestSource {
    const transport = this.#transports?.rest(source.clusterNames[0] ?? '');
    const node = this.#options.node.document;
    if (transport === undefined || node === undefined) throw new Error('no control plane can be reached from here');
    return {
      transport,
      refreshDelayMs: Math.floor(milliseconds(source.refreshDelay, 0)),
      requestTimeoutMs: milliseconds(source.requestTimeout, usualRequestTimeoutMs),
      initialFetchTimeoutMs,
      node,
    };
  }

  #muxOf(source: ApiConfigSource, scope: StatsScope, path: string): Mux {
    const [service] = source.grpcServices;
    if (service === undefined || source.grpcServices.length > 1)
      throw new Error(`${path}: one of grpc_services is to be named, found ${source.grpcServices.length}`);
    const transport = this.#transports?.grpc(service);
    if (transport === undefined || this.#options.node.bytes === undefined)
      throw new Error('no control plane can be reached from here');
    return new Mux({
      open: receiver => transport.open(path, receiver),
      path,
      delta: isDelta(source),
      loader: this.#loader,
      log: this.log,
      scope,
      node: this.#options.node.bytes,
      nodeOnFirstMessageOnly: source.setNodeOnFirstMessageOnly,
    });
  }

  #requireName(asker: string): void {
    const { id, cluster } = this.#options.node;
    if (id !== '' && cluster !== '') return;
    const remedy = "Set it either in 'node' config or via --service-node and --service-cluster options.";
    throw new Error(`${asker}: node 'id' and 'cluster' are required. ${remedy}`);
  }
}

const isDelta = ({ apiType }: ApiConfigSource): boolean => apiType === ApiType.DELTA_GRPC;
