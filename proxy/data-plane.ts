/** The data plane of one bootstrap: its clusters and listeners, from start to drain. */

import type { Any } from '@bufbuild/protobuf/wkt';
import type { LogTargets } from './access-log/sink.ts';
import type {
  AdminSource,
  CertificatesStatus,
  ClusterStatus,
  DynamicResources,
  ListenerStatus,
} from './admin-source.ts';
import type { AccessLog } from './api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Bootstrap } from './api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { ConfigSource } from './api/envoy/config/core/v3/config_source_pb.js';
import type { GrpcService } from './api/envoy/config/core/v3/grpc_service_pb.js';
import type { Cluster } from './cluster/cluster.ts';
import { ClusterDiscovery } from './cluster/cluster-discovery.ts';
import { ClusterManager } from './cluster/cluster-manager.ts';
import { OwnCluster } from './cluster/own-cluster.ts';
import type { JsonObject } from './configuration/json.ts';
import type { Explain } from './explain/explain.ts';
import { discoveryTransport } from './grpc/discovery-transport.ts';
import { compileFilterConfig } from './http-filters/registry.ts';
import { globalQuota } from './listener/connection-quota.ts';
import type { DrainSettings } from './listener/drain.ts';
import { ListenerDiscovery } from './listener/listener-discovery.ts';
import { ListenerManager } from './listener/listener-manager.ts';
import type { Locality } from './load-balancing/localities.ts';
import { composeUpstream } from './router/compose.ts';
import { restTransport } from './router/rest-transport.ts';
import { RuntimeDiscovery } from './runtime/runtime-discovery.ts';
import type { RuntimeValues } from './runtime/runtime-values.ts';
import type { StatsStore } from './stats/store.ts';
import type { StreamObserver } from './stream-info.ts';
import { certificatesOf } from './tls/certificate-status.ts';
import { SecretManager } from './tls/secret-manager.ts';
import { Tracers } from './tracing/tracers.ts';
import type { Crew } from './workers/crew.ts';
import type { Report } from './workers/news.ts';
import { requireXds, type XdsContext } from './xds/xds-context.ts';

export interface DataPlaneOptions {
  store: StatsStore;
  /** Makes the writer of a connection manager's access log; undefined where it has none. */
  accessLog(configurations: readonly AccessLog[]): StreamObserver | undefined;
  /** Hear of every finished request, after the access log. */
  observers?: readonly StreamObserver[];
  /** Explains requests; undefined: nobody asks. */
  explain?: Explain | undefined;
  /** Undefined: no key has a value. */
  runtime?: RuntimeValues;
  /** Replaces what a layer of the runtime has, by its name; undefined: there are none that come while the proxy runs. */
  setRuntimeLayer?: (name: string, values: JsonObject) => void;
  /** Brings what comes while the proxy runs; undefined: nothing does. */
  xds?: XdsContext;
  /** The node's cluster, by command line or bootstrap. */
  nodeCluster?: string;
  /** The node's id. */
  nodeId?: string;
  /** How listeners that go let their connections go; undefined: as Envoy does where nothing is said. */
  drain?: DrainSettings;
  /** Where the node is, by command line or bootstrap; undefined: nobody said. */
  locality?: Locality | undefined;
  /** Where keys of handshakes may be written; undefined: nowhere. */
  files?: LogTargets | undefined;
  /** Undefined where one worker serves. */
  crew?: Crew | undefined;
}

const usualDrain: DrainSettings = { durationMs: 600_000, gradual: true };

export class DataPlane implements AdminSource {
  #state: AdminSource['state'] = 'PRE_INITIALIZING';
  readonly #healthcheck = { failed: false };
  readonly #xds: XdsContext | undefined;
  readonly #crew: Crew | undefined;
  readonly #secrets: SecretManager;
  readonly #clusters: ClusterManager;
  readonly #runtimeDiscoveries: RuntimeDiscovery[];
  readonly #clusterDiscovery: ClusterDiscovery | undefined;
  readonly #tracers: Tracers;
  readonly #drain: DrainSettings;
  /** When listeners that are drained listen no more. */
  #drainEnd: NodeJS.Timeout | undefined;
  readonly #listeners: ListenerManager;
  readonly #listenerDiscovery: ListenerDiscovery | undefined;

  /** Compiles the configuration; nothing is opened yet. What cannot work is thrown. */
  constructor(bootstrap: Bootstrap, options: DataPlaneOptions) {
    const resources = bootstrap.staticResources;
    const { store, runtime, xds, crew } = options;
    this.#xds = xds;
    this.#crew = crew;
    const cluster = (name: string) => this.#clusters.find(name);
    const ways = {
      grpc: (service: GrpcService) => discoveryTransport(service, cluster),
      rest: (name: string) => restTransport(name, cluster),
    };
    xds?.connect(ways, bootstrap.dynamicResources?.adsConfig);
    this.#secrets = new SecretManager(xds, store, options.files);
    const { locality } = options;
    const ownName = bootstrap.clusterManager?.localClusterName ?? '';
    const own = ownName === '' ? undefined : new OwnCluster(ownName, locality);
    const clusterContext = {
      store,
      runtime,
      xds,
      secrets: this.#secrets,
      locality,
      own,
      names: bootstrap,
      bind: bootstrap.clusterManager?.upstreamBindConfig,
      explains: options.explain !== undefined,
      crew,
    };
    this.#clusters = new ClusterManager(resources?.clusters ?? [], clusterContext);
    options.explain?.connect(name => this.#clusters.dynamicOf(name));
    // What comes is told by the first worker.
    const isTold = crew?.told !== undefined;
    this.#runtimeDiscoveries = isTold ? [] : runtimeDiscoveriesOf(bootstrap, options);
    const sources = isTold ? undefined : bootstrap.dynamicResources;
    const { cdsConfig: clusterSource, ldsConfig: listenerSource } = sources ?? {};
    if (clusterSource !== undefined)
      this.#clusterDiscovery = new ClusterDiscovery(
        clusterSource,
        this.#clusters,
        xds,
        store.scope('cluster_manager.cds.'),
      );
    const nodeCluster = options.nodeCluster ?? bootstrap.node?.cluster ?? '';
    const shared = crew?.memory;
    const demandedClusters = (source: ConfigSource) => this.#clusters.demanded(source);
    const filterContext = { rootScope: store.scope(''), runtime, nodeCluster, cluster, demandedClusters, shared };
    this.#tracers = new Tracers({ scope: store.scope(''), runtime, nodeCluster, cluster });
    const context = {
      allConnections: globalQuota(bootstrap, { store, runtime, shared }),
      store: options.store,
      nodeCluster,
      nodeId: options.nodeId ?? bootstrap.node?.id ?? '',
      nodeZone: locality?.zone ?? '',
      tracers: this.#tracers,
      accessLog: options.accessLog,
      observers: options.observers ?? [],
      explain: options.explain,
      healthcheck: this.#healthcheck,
      secrets: this.#secrets,
      cluster,
      demandedClusters,
      compose: composeUpstream,
      compileFilterConfig: (any: Any) => compileFilterConfig(any, filterContext),
      runtime: options.runtime,
      xds,
      crew,
      shared,
    };
    this.#drain = options.drain ?? usualDrain;
    this.#listeners = new ListenerManager(resources?.listeners ?? [], context, this.#drain);
    if (listenerSource !== undefined)
      this.#listenerDiscovery = new ListenerDiscovery(
        listenerSource,
        this.#listeners,
        xds,
        store.scope('listener_manager.lds.'),
      );
  }

  get state(): AdminSource['state'] {
    return this.#healthcheck.failed && this.#state === 'LIVE' ? 'DRAINING' : this.#state;
  }

  /** Finds the clusters' hosts, then listens. */
  async start(): Promise<void> {
    this.#state = 'INITIALIZING';
    await this.#clusters.start();
    await Promise.all(this.#runtimeDiscoveries.map(discovery => discovery.start()));
    await this.#clusterDiscovery?.start();
    await Promise.all([this.#listeners.prepare(), this.#listenerDiscovery?.start()]);
    await this.#listeners.warmed();
    const places = await this.#listeners.open();
    this.#crew?.tell?.({ kind: 'open', places });
    await this.#crew?.othersServe?.();
    this.#state = 'LIVE';
  }

  /** The cluster as it is now. */
  cluster(name: string): Cluster | undefined {
    return this.#clusters.find(name);
  }

  /** The same, where another worker has the sources of everything. @param places of the bootstrap's listeners, once that one listens */
  async startTold(places: Promise<readonly number[]>): Promise<void> {
    await this.#clusters.start();
    await this.#listeners.prepare();
    const opened = await places;
    await this.#clusters.warmed();
    await this.#listeners.open(opened);
    this.#state = 'LIVE';
  }

  /** What another worker told of the clusters and listeners that come and go. */
  get told(): { clusters: ClusterManager; listeners: ListenerManager } {
    return { clusters: this.#clusters, listeners: this.#listeners };
  }

  /** What another worker counted of the hosts that are told to it. */
  takeHostCounts(worker: number, counts: (Report & { kind: 'collected' })['hosts']): void {
    for (const { cluster, host: id, counters, gauges } of counts) {
      const host = this.#clusters.byKey(cluster)?.teller?.find(id);
      if (host === undefined) continue;
      host.elsewhere ??= [];
      host.elsewhere[worker] = { counters, gauges };
    }
  }

  /** Another worker saw a host fail. */
  takeFailure(report: Report & { kind: 'ejectable' | 'failed-at-once' }): void {
    const cluster = this.#clusters.byKey(report.cluster);
    const host = cluster?.teller?.find(report.host);
    if (host === undefined) return;
    if (report.kind === 'ejectable') cluster?.outliers?.onFailuresElsewhere(host, report.failures);
    else host.activeCheck?.failedAtOnce();
  }

  /** A request that another worker has wants a resource. */
  takeDemand({ subscription, name }: Report & { kind: 'demand' }): void {
    this.#xds?.takeDemand(subscription, name);
  }

  /** Brings what is shown of limits up to date, where other workers count against them, too. */
  showLimits(): void {
    for (const { limits } of this.#clusters.all) for (const one of [limits.default, limits.high]) one.show();
  }

  clusters(): Iterable<ClusterStatus> {
    return this.#clusters.clusters;
  }

  listeners(): Iterable<ListenerStatus> {
    return this.#listeners.listeners;
  }

  certificates(): CertificatesStatus[] {
    const contexts = [
      ...this.#listeners.listeners.flatMap(({ listener }) => listener.tlsContexts),
      ...[...this.#clusters.clusters].flatMap(cluster => cluster.tlsContexts),
    ];
    return contexts.map(certificatesOf);
  }

  dynamicResources(): DynamicResources {
    const { active, warming } = this.#clusters.dynamic;
    const came = this.#listeners.all.flatMap(listener => listener.cameRoutes);
    return {
      clusters: { version: this.#clusterDiscovery?.version ?? '', active, warming },
      listeners: {
        version: this.#listenerDiscovery?.version ?? '',
        dynamic: this.#listeners.dynamic,
        failures: this.#listenerDiscovery?.failures ?? [],
      },
      routes: new Set(came.flatMap(({ resources }) => resources)),
      scopes: new Set(came.flatMap(({ scopes }) => scopes ?? [])),
      secrets: this.#secrets.dynamic,
      endpoints: [...this.#clusters.clusters].map(cluster => cluster.endpoints),
    };
  }

  drainListeners(graceful: boolean): void {
    this.#crew?.tell?.({ kind: 'drain-listeners', graceful });
    if (!graceful) {
      this.#listeners.stopAccepting();
      return;
    }
    if (this.#drainEnd !== undefined) return;
    for (const listener of this.#listeners.all) listener.beginDrain(this.#drain, undefined);
    this.#drainEnd = setTimeout(() => this.#listeners.stopAccepting(), this.#drain.durationMs);
  }

  setHealthcheckFailed(failed: boolean): void {
    this.#crew?.tell?.({ kind: 'healthcheck', failed });
    this.#healthcheck.failed = failed;
  }

  /** Accepts no more and waits until the connections are gone, at most so long; then ends what is left. */
  async stop(graceMs: number): Promise<void> {
    this.#state = 'DRAINING';
    clearTimeout(this.#drainEnd);
    this.#listenerDiscovery?.stop();
    this.#listeners.drain();
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, graceMs);
    await Promise.race([grace.promise, this.#listeners.empty()]);
    clearTimeout(timer);
    this.#listeners.destroy();
    this.#tracers.stop();
    this.#clusterDiscovery?.stop();
    for (const discovery of this.#runtimeDiscoveries) discovery.stop();
    this.#clusters.stop();
    this.#secrets.stop();
    this.#xds?.stop();
  }
}

/** Those of the runtime's layers that come while the proxy runs. */
function runtimeDiscoveriesOf({ layeredRuntime }: Bootstrap, options: DataPlaneOptions): RuntimeDiscovery[] {
  const { xds, store, setRuntimeLayer } = options;
  return (layeredRuntime?.layers ?? []).flatMap(({ name, layerSpecifier }) => {
    if (layerSpecifier.case !== 'rtdsLayer') return [];
    const set = (values: JsonObject) => setRuntimeLayer?.(name, values);
    return [new RuntimeDiscovery(layerSpecifier.value, requireXds(xds), store.scope('runtime.'), set)];
  });
}
