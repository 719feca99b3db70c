/** The data plane of one bootstrap: its clusters and listeners, from start to drain. */
import type { Any } from '@bufbuild/protobuf/wkt';
import type { AdminSource, ClusterStatus, ListenerStatus } from './admin-source.ts';
import type { AccessLog } from './api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Bootstrap } from './api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { Cluster } from './cluster/cluster.ts';
import { compileFilterConfig } from './http-filters/registry.ts';
import { Listener } from './listener/listener.ts';
import { composeUpstream } from './router/compose.ts';
import type { RuntimeValues } from './runtime/runtime-values.ts';
import type { StatsStore } from './stats/store.ts';
import type { StreamObserver } from './stream-info.ts';

export interface DataPlaneOptions {
  store: StatsStore;
  /** Makes the writer of a connection manager's access log; undefined where it has none. */
  accessLog(configurations: readonly AccessLog[]): StreamObserver | undefined;
  /** Hear of every finished request, after the access log. */
  observers?: readonly StreamObserver[];
  /** Undefined: no key has a value. */
  runtime?: RuntimeValues;
  /** The node's cluster, by command line or bootstrap. */
  nodeCluster?: string;
}

export class DataPlane implements AdminSource {
  #state: AdminSource['state'] = 'PRE_INITIALIZING';
  readonly #healthcheck = { failed: false };
  readonly #clusters = new Map<string, Cluster>();
  readonly #listeners: Listener[] = [];

  /** Compiles the configuration; nothing is opened yet. What cannot work is thrown. */
  constructor(bootstrap: Bootstrap, options: DataPlaneOptions) {
    const resources = bootstrap.staticResources;
    for (const cluster of resources?.clusters ?? [])
      this.#clusters.set(cluster.name, new Cluster(cluster, options.store, options.runtime));
    const cluster = (name: string) => this.#clusters.get(name);
    const nodeCluster = options.nodeCluster ?? bootstrap.node?.cluster ?? '';
    const filterContext = { rootScope: options.store.scope(''), runtime: options.runtime, nodeCluster, cluster };
    const context = {
      store: options.store,
      nodeCluster,
      accessLog: options.accessLog,
      observers: options.observers ?? [],
      healthcheck: this.#healthcheck,
      cluster,
      compose: composeUpstream,
      compileFilterConfig: (any: Any) => compileFilterConfig(any, filterContext),
      runtime: options.runtime,
    };
    for (const listener of resources?.listeners ?? []) this.#listeners.push(new Listener(listener, context));
  }

  get state(): AdminSource['state'] {
    return this.#healthcheck.failed && this.#state === 'LIVE' ? 'DRAINING' : this.#state;
  }

  /** Finds the clusters' hosts, then listens. */
  async start(): Promise<void> {
    this.#state = 'INITIALIZING';
    await Promise.all([...this.#clusters.values()].map(cluster => cluster.start()));
    for (const listener of this.#listeners) await listener.start();
    this.#state = 'LIVE';
  }

  clusters(): Iterable<ClusterStatus> {
    return this.#clusters.values();
  }

  listeners(): Iterable<ListenerStatus> {
    return this.#listeners;
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
    for (const cluster of this.#clusters.values()) cluster.stop();
  }
}
