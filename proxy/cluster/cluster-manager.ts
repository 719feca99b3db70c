/** All clusters of a proxy by name: those of its bootstrap, and those that come, change and go while it runs. */
import { serialize } from 'node:v8';
import type { DynamicResource } from '../admin-source.ts';
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import { KeptDocument } from '../configuration/kept.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { News } from '../workers/news.ts';
import { subscriptionName } from '../xds/crew-subscription.ts';
import { requireXds } from '../xds/xds-context.ts';
import { Cluster } from './cluster.ts';
import type { ClusterContext } from './cluster-context.ts';
import { DemandedClusters } from './demanded-clusters.ts';

/** The text of the document tells an update that changes nothing. */
class Entry extends KeptDocument implements DynamicResource {
  readonly cluster: Cluster;
  readonly version: string;
  readonly lastUpdated = new Date();

  constructor(cluster: Cluster, document: JsonObject, version: string) {
    super(document);
    this.cluster = cluster;
    this.version = version;
  }
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager */
export class ClusterManager {
  readonly #context: ClusterContext;
  readonly #store: StatsStore;
  readonly #active = new Map<string, Cluster>();
  /** Where the active ones that came by an update came from. */
  readonly #dynamic = new Map<string, Entry>();
  /** Those whose hosts are not known yet. Until they are, requests go to the one before, if there is one. */
  readonly #warming = new Map<string, Entry>();
  #resume: (() => void) | undefined;
  #nextKey = 0;
  /** Who is called back once there is a cluster of that name. */
  readonly #awaited = new Map<string, Set<() => void>>();
  /** By their sources. */
  readonly #demanded = new Map<string, DemandedClusters>();
  readonly #stats: Record<'added' | 'modified' | 'removed', Counter> & Record<'active' | 'warming', Gauge>;

  constructor(configurations: readonly Configuration[], context: ClusterContext) {
    this.#context = context;
    this.#store = context.store;
    const scope = context.store.scope('cluster_manager.');
    for (const name of ['cluster_updated', 'cluster_updated_via_merge', 'update_merge_cancelled']) scope.counter(name);
    scope.counter('update_out_of_merge_window');
    this.#stats = {
      added: scope.counter('cluster_added'),
      modified: scope.counter('cluster_modified'),
      removed: scope.counter('cluster_removed'),
      active: scope.gauge('active_clusters'),
      warming: scope.gauge('warming_clusters'),
    };
    for (const configuration of configurations) {
      this.#active.set(configuration.name, this.#make(configuration, false, this.#newKey()));
      this.#stats.added.increment();
    }
    this.#measure();
  }

  /** The cluster that requests for this name go to now. */
  find(name: string): Cluster | undefined {
    return this.#active.get(name);
  }

  get clusters(): Iterable<Cluster> {
    return this.#active.values();
  }

  get dynamic(): { active: Iterable<DynamicResource>; warming: Iterable<DynamicResource> } {
    return { active: this.#dynamic.values(), warming: this.#warming.values() };
  }

  /** What came by the update that an active one was made of; undefined for those of the bootstrap. */
  dynamicOf(name: string): DynamicResource | undefined {
    return this.#dynamic.get(name);
  }

  /** The names of those that came by updates. */
  get dynamicNames(): ReadonlySet<string> {
    return new Set([...this.#dynamic.keys(), ...this.#warming.keys()]);
  }

  /** Finds the hosts of the bootstrap's clusters. */
  async start(): Promise<void> {
    await Promise.all([...this.#active.values()].map(cluster => cluster.start()));
  }

  /** Ends when no cluster is warming any more. */
  async warmed(): Promise<void> {
    while (this.#warming.size > 0) await Promise.all([...this.#warming.values()].map(({ cluster }) => cluster.start()));
  }

  /**
   * Adds a cluster, or puts it in the place of the one before once its hosts are known. One of the bootstrap stays as it is.
   * @param key by which workers tell each other of it
   * @returns whether anything changes
   * @throws what is wrong with it
   */
  update(configuration: Configuration, document: JsonObject, version: string, key = this.#newKey()): boolean {
    const { name } = configuration;
    const text = JSON.stringify(document);
    const before = this.#warming.get(name) ?? this.#dynamic.get(name);
    if (before?.text === text || (before === undefined && this.#active.has(name))) return false;
    this.countUpdate(name);
    const cluster = this.#make(configuration, true, key);
    this.#tell(() => ({ kind: 'cluster', key, packed: serialize({ configuration, document, version }) }));
    this.#warming.get(name)?.cluster.retire();
    const entry = new Entry(cluster, document, version);
    this.#warming.set(name, entry);
    this.#measure();
    void cluster.start().then(() => this.#activate(name, entry));
    return true;
  }

  /** That of a cluster of the bootstrap is its place there. */
  #newKey(): string {
    return String(this.#nextKey++);
  }

  #make(configuration: Configuration, addedViaApi: boolean, key: string): Cluster {
    const make = (): Cluster =>
      new Cluster(configuration, this.#context, { addedViaApi, key, find: name => this.#active.get(name) });
    return this.#context.crew?.memory.within(`cluster ${key}`, make) ?? make();
  }

  #tell(news: () => News): void {
    const tell = this.#context.crew?.tell;
    if (tell !== undefined) tell(news());
  }

  /** All that there are, in use or not yet. */
  get all(): readonly Cluster[] {
    return [...this.#active.values(), ...[...this.#warming.values()].map(({ cluster }) => cluster)];
  }

  /** The one that workers know by this key, unless it is gone. */
  byKey(key: string): Cluster | undefined {
    return this.all.find(cluster => cluster.key === key);
  }

  /** Counts one that is to be added or to change, whether it then can be or not. */
  countUpdate(name: string): void {
    (this.#warming.has(name) || this.#active.has(name) ? this.#stats.modified : this.#stats.added).increment();
  }

  #activate(name: string, entry: Entry): void {
    // Another update came, or it was removed.
    if (this.#warming.get(name) !== entry) return;
    this.#warming.delete(name);
    this.#active.get(name)?.retire();
    this.#active.set(name, entry.cluster);
    this.#dynamic.set(name, entry);
    this.#measure();
    const awaiting = this.#awaited.get(name);
    this.#awaited.delete(name);
    for (const onThere of awaiting ?? []) onThere();
  }

  /** Calls back once requests find this cluster. @returns what waits no longer */
  awaitCluster(name: string, onThere: () => void): () => void {
    const awaiting = this.#awaited.get(name) ?? new Set();
    this.#awaited.set(name, awaiting.add(onThere));
    return () => {
      awaiting.delete(onThere);
      if (awaiting.size === 0 && this.#awaited.get(name) === awaiting) this.#awaited.delete(name);
    };
  }

  /** Those that come from there once they are asked for. @throws Error for a source that cannot be */
  demanded(source: ConfigSource): DemandedClusters {
    const key = subscriptionName(source, { typeName: 'envoy.config.cluster.v3.Cluster' });
    const known = this.#demanded.get(key);
    if (known !== undefined) return known;
    const { xds, crew } = this.#context;
    const scope = this.#store.scope('cluster_manager.odcds.');
    const told = crew?.told;
    const report = told && ((name: string) => told.report({ kind: 'demand', subscription: key, name }));
    const made = new DemandedClusters({ source, clusters: this, xds: requireXds(xds), scope, report });
    if (crew?.tell !== undefined) requireXds(xds).hearDemands(key, name => made.ask(name));
    this.#demanded.set(key, made);
    return made;
  }

  /** Removes a cluster that came by an update: new requests do not find it, those under way end as they would. */
  remove(name: string): boolean {
    const removed = [this.#warming.get(name), this.#dynamic.get(name)].filter(entry => entry !== undefined);
    if (removed.length === 0) return false;
    this.#tell(() => ({ kind: 'cluster-removed', name }));
    for (const { cluster } of removed) cluster.retire();
    this.#warming.delete(name);
    if (this.#dynamic.delete(name)) this.#active.delete(name);
    const { prefix } = removed[0]!.cluster.scope;
    if (![...this.#active.values()].some(({ scope }) => scope.prefix === prefix)) this.#store.removeScope(prefix);
    this.#stats.removed.increment();
    this.#measure();
    return true;
  }

  stop(): void {
    for (const clusters of this.#demanded.values()) clusters.stop();
    for (const { cluster } of this.#warming.values()) cluster.stop();
    for (const cluster of this.#active.values()) cluster.stop();
  }

  #measure(): void {
    // As in Envoy: no further clusters come while some warm.
    if (this.#warming.size > 0) this.#resume ??= this.#context.xds?.pause(['envoy.config.cluster.v3.Cluster']);
    else {
      this.#resume?.();
      this.#resume = undefined;
    }
    this.#stats.active.set(this.#active.size);
    this.#stats.warming.set(this.#warming.size);
  }
}
