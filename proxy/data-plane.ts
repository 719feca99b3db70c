/** The data plane of one bootstrap: its clusters and listeners, from start to drain. */
import type { Any } from '@bufbuild/protobuf/wkt';
import type {
  AdminSource,
  CertificatesStatus,
  ClusterStatus,
  DynamicResources,
  ListenerStatus,
} from './admin-source.ts';
import type { AccessLog } from './api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Bootstrap } from './api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { ClusterDiscovery } from './cluster/cluster-discovery.ts';
import { ClusterManager } from './cluster/cluster-manager.ts';
import { compileFilterConfig } from './http-filters/registry.ts';
import { Listener } from './listener/listener.ts';
import { composeUpstream } from './router/compose.ts';
import type { RuntimeValues } from './runtime/runtime-values.ts';
import type { StatsStore } from './stats/store.ts';
import type { StreamObserver } from './stream-info.ts';
import { certificatesOf } from './tls/certificate-status.ts';
import { SecretManager } from './tls/secret-manager.ts';
import type { XdsContext } from './xds/xds-context.ts';

export interface DataPlaneOptions {
  store: StatsStore;
  /** Makes the writer of a connection manager's access log; undefined where it has none. */
  accessLog(configurations: readonly AccessLog[]): StreamObserver | undefined;
  /** Hear of every finished request, after the access log. */
  observers?: readonly StreamObserver[];
  /** Undefined: no key has a value. */
  runtime?: RuntimeValues;
  /** Brings what comes while the proxy runs; undefined: nothing does. */
  xds?: XdsContext;
  /** The node's cluster, by command line or bootstrap. */
  nodeCluster?: string;
  /** The node's id. */
  nodeId?: string;
}

export class DataPlane implements AdminSource {
  #state: AdminSource['state'] = 'PRE_INITIALIZING';
  readonly #healthcheck = { failed: false };
  readonly #secrets: SecretManager;
  readonly #clusters: ClusterManager;
  readonly #clusterDiscovery: ClusterDiscovery | undefined;
  readonly #listeners: Listener[] = [];

  /** Compiles the configuration; nothing is opened yet. What cannot work is thrown. */
  constructor(bootstrap: Bootstrap, options: DataPlaneOptions) {
    const resources = bootstrap.staticResources;
    const { store, runtime, xds } = options;
    this.#secrets = new SecretManager(xds, store);
    this.#clusters = new ClusterManager(resources?.clusters ?? [], { store, runtime, xds, secrets: this.#secrets });
    const clusterSource = bootstrap.dynamicResources?.cdsConfig;
    if (clusterSource !== undefined)
      this.#clusterDiscovery = new ClusterDiscovery(
        clusterSource,
        this.#clusters,
        xds,
        store.scope('cluster_manager.cds.'),
      );
    const cluster = (name: string) => this.#clusters.find(name);
    const nodeCluster = options.nodeCluster ?? bootstrap.node?.cluster ?? '';
    const filterContext = { rootScope: options.store.scope(''), runtime: options.runtime, nodeCluster, cluster };
    const context = {
      store: options.store,
      nodeCluster,
      nodeId: options.nodeId ?? bootstrap.node?.id ?? '',
      accessLog: options.accessLog,
      observers: options.observers ?? [],
      healthcheck: this.#healthcheck,
      secrets: this.#secrets,
      cluster,
      compose: composeUpstream,
      compileFilterConfig: (any: Any) => compileFilterConfig(any, filterContext),
      runtime: options.runtime,
      xds,
    };
    for (const listener of resources?.listeners ?? []) this.#listeners.push(new Listener(listener, context));
  }

  get state(): AdminSource['state'] {
    return this.#healthcheck.failed && this.#state === 'LIVE' ? 'DRAINING' : this.#state;
  }

  /** Finds the clusters' hosts, then listens. */
  async start(): Promise<void> {
    this.#state = 'INITIALIZING';
    await this.#clusters.start();
    await this.#clusterDiscovery?.start();
    await Promise.all(this.#listeners.map(listener => listener.prepare()));
    for (const listener of this.#listeners) await listener.start();
    this.#state = 'LIVE';
  }

  clusters(): Iterable<ClusterStatus> {
    return this.#clusters.clusters;
  }

  listeners(): Iterable<ListenerStatus> {
    return this.#listeners;
  }

  certificates(): CertificatesStatus[] {
    const contexts = [
      ...this.#listeners.flatMap(listener => listener.tlsContexts),
      ...[...this.#clusters.clusters].flatMap(({ tls }) => tls?.source.current ?? []),
    ];
    return contexts.map(certificatesOf);
  }

  dynamicResources(): DynamicResources {
    const { active, warming } = this.#clusters.dynamic;
    const clusters = [...this.#clusters.clusters];
    return {
      clusters: { version: this.#clusterDiscovery?.version ?? '', active, warming },
      routes: this.#listeners.flatMap(listener => listener.dynamicRoutes ?? []),
      secrets: this.#secrets.dynamic,
      endpoints: clusters.flatMap(({ endpointsName: name, overprovisioning, hosts }) =>
        name === undefined ? [] : { name, overprovisioning, hosts },
      ),
    };
  }

  drainListeners(graceful: boolean): void {
    for (const listener of this.#listeners) {
      if (graceful) listener.drain();
      else listener.stopAccepting();
    }
  }

  setHealthcheckFailed(failed: boolean): void {
    this.#healthcheck.failed = failed;
  }

  /** Accepts no more and waits until the connections are gone, at most so long; then ends what is left. */
  async stop(graceMs: number): Promise<void> {
    this.#state = 'DRAINING';
    for (const listener of this.#listeners) listener.drain();
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, graceMs);
    await Promise.race([grace.promise, Promise.all(this.#listeners.map(listener => listener.empty()))]);
    clearTimeout(timer);
    for (const listener of this.#listeners) listener.destroy();
    this.#clusterDiscovery?.stop();
    this.#clusters.stop();
    this.#secrets.stop();
  }
}
