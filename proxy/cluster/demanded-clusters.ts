/** Clusters that are asked for when requests want them (ODCDS). */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, complaintOf, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import type { XdsContext } from '../xds/xds-context.ts';

/** Of how many clusters a control plane is asked at most: clients may make names up. More are not there. */
const mostAsked = 10_000;

/** Where the clusters go that come. */
export interface ClusterTaker {
  update(configuration: Configuration, document: Update['resources'][number]['document'], version: string): boolean;
  remove(name: string): boolean;
  /** Calls back once requests find it. @returns what waits no longer */
  awaitCluster(name: string, onThere: () => void): () => void;
}

export interface DemandedClustersOptions {
  source: ConfigSource;
  clusters: ClusterTaker;
  xds: XdsContext;
  scope: StatsScope;
  /** Asks another worker, who takes the clusters and tells of them; undefined: this one does. */
  report?: ((name: string) => void) | undefined;
}

const typeName = 'envoy.config.cluster.v3.Cluster';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cds#on-demand-cds */
export class DemandedClusters implements Consumer {
  readonly #options: DemandedClustersOptions;
  /** That for all of them; undefined where each has one of its own, on the stream for all kinds. */
  readonly #all: Subscription | undefined;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #waiting = new Map<string, Set<(found: boolean) => void>>();

  /** @throws Error for a source that cannot be */
  constructor(options: DemandedClustersOptions) {
    const { source, xds, scope, report } = options;
    this.#options = options;
    xds.requireDelta(source, 'odcds');
    if (report === undefined && source.configSourceSpecifier.case !== 'ads')
      this.#all = xds.subscribe(source, { typeName, onDemand: true }, scope, this);
  }

  /**
   * Asks for the cluster of this name.
   * @param timeoutMs how long it is waited for
   * @param onDone is told once whether it is there, not before this returns
   * @returns what gives up waiting
   */
  demand(name: string, timeoutMs: number, onDone: (found: boolean) => void): () => void {
    const known = this.#waiting.get(name);
    const waiting = known ?? new Set();
    const end = (): void => {
      clearTimeout(timer);
      forget();
      waiting.delete(done);
      if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name);
    };
    const done = (found: boolean): void => {
      end();
      onDone(found);
    };
    const timer = setTimeout(() => done(false), timeoutMs);
    const forget = this.#options.clusters.awaitCluster(name, () => done(true));
    this.#waiting.set(name, waiting.add(done));
    if (known === undefined) this.ask(name);
    return end;
  }

  /** Asks for it, though nobody waits here. */
  ask(name: string): void {
    const { source, xds, scope, report } = this.#options;
    if (report !== undefined) {
      report(name);
      return;
    }
    const known = this.#subscriptions.get(name);
    if (known === undefined && this.#subscriptions.size >= mostAsked) return;
    if (this.#all === undefined) {
      if (known !== undefined) return;
      const subscription = xds.subscribe(source, { typeName, names: [name] }, scope, this);
      this.#subscriptions.set(name, subscription);
      void subscription.start();
      return;
    }
    const isFirst = this.#subscriptions.size === 0;
    this.#subscriptions.set(name, this.#all);
    this.#all.demand?.(name);
    // Before somebody wants one nothing is asked.
    if (isFirst) void this.#all.start();
  }

  stop(): void {
    for (const subscription of new Set(this.#subscriptions.values())) subscription.stop();
  }

  accept({ version, resources, removed = [], refused }: Update): void {
    const { clusters } = this.#options;
    const problems = refused.map(complaintOf);
    for (const { name, message, document, version: own } of resources)
      try {
        clusters.update(message as Configuration, document, own ?? version);
      } catch (error) {
        problems.push(`${name}: ${(error as Error).message}`);
      }
    for (const name of removed) {
      clusters.remove(name);
      for (const done of [...(this.#waiting.get(name) ?? [])]) done(false);
    }
    if (problems.length > 0) throw new UpdateRefused(`Error adding/updating cluster(s) ${problems.join(', ')}`);
  }
}
