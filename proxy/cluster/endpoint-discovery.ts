/** The hosts of an EDS cluster, as they come and go. */
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '../api/envoy/config/endpoint/v3/endpoint_pb.js';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import type { XdsContext } from '../xds/xds-context.ts';
import type { ClusterStats } from './cluster-stats.ts';
import { Host } from './host.ts';
import { targetsOf } from './resolution.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#endpoint-discovery-service-eds */
export class EndpointDiscovery implements Consumer {
  /** Of the resource. */
  readonly name: string;
  readonly #stats: ClusterStats;
  readonly #publish: (hosts: readonly Host[]) => void;
  readonly #subscription: Subscription;
  #hosts = new Map<string, Host>();

  constructor(
    cluster: Cluster,
    xds: XdsContext,
    scope: StatsScope,
    stats: ClusterStats,
    publish: (hosts: readonly Host[]) => void,
  ) {
    const configuration = cluster.edsClusterConfig;
    this.name = configuration?.serviceName || cluster.name;
    this.#stats = stats;
    this.#publish = publish;
    this.#subscription = xds.subscribe(
      configuration?.edsConfig,
      { typeName: 'envoy.config.endpoint.v3.ClusterLoadAssignment', names: [this.name] },
      scope,
      this,
    );
  }

  start(): Promise<void> {
    return this.#subscription.start();
  }

  stop(): void {
    this.#subscription.stop();
  }

  accept({ resources, refused }: Update): void {
    refuseAll(refused);
    const assignment = resources.find(({ name }) => name === this.name)?.message as ClusterLoadAssignment | undefined;
    if (assignment !== undefined) this.#take(assignment);
    else if (resources.length === 0) this.#stats.updateEmpty.increment();
    else throw new UpdateRefused(`Unexpected EDS cluster (expecting ${this.name}): ${resources[0]!.name}`);
  }

  /** A host whose address, weight and place are what they were keeps its connections and its counts. */
  #take(assignment: ClusterLoadAssignment): void {
    const before = this.#hosts;
    this.#hosts = new Map();
    for (const target of targetsOf(assignment)) {
      const key = JSON.stringify(target);
      this.#hosts.set(key, before.get(key) ?? new Host(target));
    }
    if (this.#hosts.size === before.size && [...this.#hosts.keys()].every(key => before.has(key)))
      this.#stats.updateNoRebuild.increment();
    else this.#publish([...this.#hosts.values()]);
  }
}
