/** Clusters that come, change and go while the proxy runs. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { LoadedResource } from '../configuration/resources.ts';
import type { Log } from '../log.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, complaintOf, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import type { ClusterManager } from './cluster-manager.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cds */
export class ClusterDiscovery implements Consumer {
  /** Of the last update. */
  version = '';
  readonly #clusters: ClusterManager;
  readonly #log: Log;
  readonly #subscription: Subscription;
  readonly #reloads: Counter;
  readonly #reloadedAt: Gauge;

  constructor(source: ConfigSource, clusters: ClusterManager, xds: XdsContext | undefined, scope: StatsScope) {
    const context = requireXds(xds);
    this.#clusters = clusters;
    this.#log = context.log;
    this.#reloads = scope.counter('config_reload');
    this.#reloadedAt = scope.gauge('config_reload_time_ms');
    this.#subscription = context.subscribe(source, { typeName: 'envoy.config.cluster.v3.Cluster' }, scope, this);
  }

  /** Ends when the clusters of the first update have found their hosts. */
  async start(): Promise<void> {
    await this.#subscription.start();
    await this.#clusters.warmed();
  }

  stop(): void {
    this.#subscription.stop();
  }

  accept({ version, resources, removed, refused }: Update): void {
    const problems = [...refused.map(complaintOf), ...duplicates(resources)];
    let changed = 0;
    let same = 0;
    for (const resource of new Map(resources.map(one => [one.name, one])).values())
      try {
        if (this.#clusters.update(resource.message as Configuration, resource.document, resource.version ?? version))
          changed++;
        else same++;
      } catch (error) {
        problems.push(`${resource.name}: ${(error as Error).message}`);
      }
    for (const { name } of refused) this.#clusters.countUpdate(name);
    const kept = new Set([...resources, ...refused].map(({ name }) => name));
    const gone = removed ?? [...this.#clusters.dynamicNames].filter(name => !kept.has(name));
    const removedCount = gone.filter(name => this.#clusters.remove(name)).length;
    const skipped = `(skipped ${same} unmodified cluster(s))`;
    this.#log.info(
      'upstream',
      `cds: added/updated ${changed} cluster(s) ${skipped}; removed ${removedCount} cluster(s)`,
    );
    this.version = version;
    if (problems.length === 0 && changed > 0) {
      this.#reloads.increment();
      this.#reloadedAt.set(Date.now());
    }
    if (problems.length > 0) throw new UpdateRefused(`Error adding/updating cluster(s) ${problems.join(', ')}`);
  }
}

function duplicates(resources: readonly LoadedResource[]): string[] {
  const names = resources.map(({ name }) => name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].map(name => `${name}: duplicate cluster ${name} found`);
}
