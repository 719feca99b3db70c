/** The hosts of an EDS cluster, as they come and go. */
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '../api/envoy/config/endpoint/v3/endpoint_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import { requireXds } from '../xds/xds-context.ts';
import type { ClusterContext } from './cluster-context.ts';
import { type Publish, targetsOf } from './endpoints.ts';
import { Host } from './host.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#endpoint-discovery-service-eds */
export class EndpointDiscovery implements Consumer {
  /** Of the resource. */
  readonly name: string;
  /** What came last; undefined where nobody wants to know, and until something came. */
  assignment: { version: string; document: JsonObject } | undefined;
  readonly #keepsAssignment: boolean;
  readonly #scope: StatsScope;
  readonly #publish: Publish;
  readonly #subscription: Subscription;
  #hosts = new Map<string, Host>();
  #policy = '';

  constructor(
    cluster: Cluster,
    { xds, explains = false }: Pick<ClusterContext, 'xds' | 'explains'>,
    scope: StatsScope,
    publish: Publish,
  ) {
    const configuration = cluster.edsClusterConfig;
    this.name = configuration?.serviceName || cluster.name;
    this.#keepsAssignment = explains;
    this.#scope = scope;
    this.#publish = publish;
    this.#subscription = requireXds(xds).subscribe(
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

  accept({ version, resources, refused }: Update): void {
    refuseAll(refused);
    const resource = resources.find(({ name }) => name === this.name);
    if (resource !== undefined) {
      this.#take(resource.message as ClusterLoadAssignment);
      if (this.#keepsAssignment)
        this.assignment = { version: resource.version ?? version, document: resource.document };
    } else if (resources.length === 0) this.#scope.counter('update_empty').increment();
    else throw new UpdateRefused(`Unexpected EDS cluster (expecting ${this.name}): ${resources[0]!.name}`);
  }

  /** A host whose address and place are what they were keeps its connections, its counts and what is known of its health. */
  #take(assignment: ClusterLoadAssignment): void {
    const before = this.#hosts;
    this.#hosts = new Map();
    const policy = policyText(assignment);
    let changed = policy !== this.#policy;
    this.#policy = policy;
    for (const target of targetsOf(assignment)) {
      const { weight, localityWeight, priority, stated, metadata, ...place } = target;
      const key = JSON.stringify(place);
      const known = before.get(key);
      this.#hosts.set(key, known ?? new Host(target));
      if (known === undefined || !known.update(target)) continue;
      changed = true;
    }
    const same = this.#hosts.size === before.size && [...this.#hosts.keys()].every(key => before.has(key));
    if (same && !changed) this.#scope.counter('update_no_rebuild').increment();
    else this.#publish([...this.#hosts.values()], assignment.policy);
  }
}

function policyText({ policy }: ClusterLoadAssignment): string {
  return `${policy?.overprovisioningFactor} ${policy?.weightedPriorityHealth}`;
}
