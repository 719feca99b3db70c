/** Where copies of a route's requests go: Envoy's RequestMirrorPolicy, parsed once. */
import type { RouteAction_RequestMirrorPolicy as Configuration } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { RuntimeFraction } from '../runtime/fractional-percent.ts';
import type { RouteContext } from './route-context.ts';

export class MirrorPolicy {
  /** Leaves the host of copies as it is; otherwise it ends in `-shadow`. */
  readonly keepsHost: boolean;
  readonly #clusterOf: (head: RequestHeaders) => Cluster | undefined;
  readonly #fraction: RuntimeFraction | undefined;

  constructor(configuration: Configuration, context: RouteContext) {
    const { cluster: name, clusterHeader } = configuration;
    const header = clusterHeader.toLowerCase();
    this.#clusterOf = name !== '' ? () => context.cluster(name) : head => context.cluster(head.get(header) ?? '');
    this.keepsHost = configuration.disableShadowHostSuffixAppend;
    this.#fraction = RuntimeFraction.of(configuration.runtimeFraction, context.runtime);
  }

  /** The cluster that gets a copy of this request; undefined where none does. */
  choose(head: RequestHeaders, random: number): Cluster | undefined {
    if (this.#fraction !== undefined && !this.#fraction.includes(random)) return undefined;
    return this.#clusterOf(head);
  }
}
