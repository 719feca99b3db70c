/** What finds the hosts of a cluster, where its configuration does not just name them. */
import { Cluster_DiscoveryType as DiscoveryType } from '../api/enums.js';
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { StatsScope } from '../stats/store.ts';
import type { ClusterContext } from './cluster-context.ts';
import { FollowedHosts } from './crew-hosts.ts';
import { EndpointDiscovery } from './endpoint-discovery.ts';
import type { Publish } from './endpoints.ts';
import { NameResolution } from './name-resolution.ts';
import { nameResolver } from './name-servers.ts';
import { OriginalDestinations } from './original-destinations.ts';

export type HostDiscovery = NameResolution | EndpointDiscovery | OriginalDestinations | FollowedHosts;

export interface DiscoveryParts {
  /** By which workers tell each other of the cluster. */
  key: string;
  /** Of the cluster. */
  scope: StatsScope;
  /** Told of the hosts whenever they change. */
  publish: Publish;
}

/** Undefined where the configuration names the hosts, or other clusters, and no other worker knows them. */
export function hostDiscovery(
  configuration: Configuration,
  context: ClusterContext,
  { key, scope, publish }: DiscoveryParts,
): HostDiscovery | undefined {
  const type = configuration.clusterDiscoveryType.value;
  // Each worker knows where its own clients want to go.
  if (type === DiscoveryType.ORIGINAL_DST) return new OriginalDestinations(configuration, scope, publish);
  const { crew, runtime } = context;
  if (crew?.told !== undefined) return new FollowedHosts(key, crew.told, configuration, runtime, publish);
  switch (type) {
    case DiscoveryType.STRICT_DNS:
    case DiscoveryType.LOGICAL_DNS:
      return new NameResolution(configuration, nameResolver(configuration, context.names), scope, publish);
    case DiscoveryType.EDS:
      return new EndpointDiscovery(configuration, context, scope, publish);
    default:
      return undefined;
  }
}
