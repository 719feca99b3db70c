/** The endpoints that a cluster names. */
import { HealthStatus } from '../api/enums.js';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Address } from '../api/envoy/config/core/v3/address_pb.js';
import type { Endpoint_HealthCheckConfig } from '../api/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type {
  ClusterLoadAssignment,
  ClusterLoadAssignment_Policy as LoadPolicy,
} from '../api/envoy/config/endpoint/v3/endpoint_pb.js';
import { balancerMetadata } from '../load-balancing/metadata-criteria.ts';
import { statedMetadata } from '../stated-metadata.ts';
import { type HealthCheckOptions, Host, type HostOptions, type StatedHealth } from './host.ts';
import { socketMatchOf } from './transport-sockets.ts';

export type { LoadPolicy };

/** Told of all hosts whenever they, or how load is to be spread over them, are not what they were. */
export type Publish = (hosts: readonly Host[], policy: LoadPolicy | undefined) => void;

/** An endpoint of the configuration: where it is, or the name to look up. */
export type Target = Omit<HostOptions, 'hostname'> & { hostname: string };

export function targetsOf(assignment: ClusterLoadAssignment | undefined): Target[] {
  const targets: Target[] = [];
  for (const group of assignment?.endpoints ?? []) {
    for (const one of group.lbEndpoints) {
      if (one.hostIdentifier.case !== 'endpoint') continue;
      const address = one.hostIdentifier.value.address?.address;
      const where = whereOf(address);
      if (where === undefined) continue;
      targets.push({
        ...where,
        hostname: one.hostIdentifier.value.hostname,
        weight: one.loadBalancingWeight ?? 1,
        priority: group.priority,
        stated: statedOf(one.healthStatus),
        metadata: balancerMetadata(one.metadata),
        told: statedMetadata(one.metadata),
        socketMatch: socketMatchOf(one.metadata),
        check: checkOf(one.hostIdentifier.value.healthCheckConfig),
        region: group.locality?.region ?? '',
        zone: group.locality?.zone ?? '',
        subZone: group.locality?.subZone ?? '',
        localityWeight: group.locality === undefined ? 0 : (group.loadBalancingWeight ?? 0),
      });
    }
  }
  return targets;
}

/** Undefined for what is neither a socket's address nor a pipe's. */
function whereOf(address: Address['address'] | undefined): Pick<HostOptions, 'address' | 'port'> | undefined {
  if (address?.case === 'pipe') return { address: address.value.path, port: 0 };
  if (address?.case !== 'socketAddress') return undefined;
  const { portSpecifier } = address.value;
  return { address: address.value.address, port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0 };
}

function checkOf(configuration: Endpoint_HealthCheckConfig | undefined): HealthCheckOptions {
  const address = configuration?.address?.address;
  const { address: checked = '', port = 0 } = whereOf(address) ?? {};
  return {
    address: checked,
    port: configuration?.portValue || port,
    hostname: configuration?.hostname ?? '',
    disabled: configuration?.disableActiveHealthCheck ?? false,
  };
}

function statedOf(status: HealthStatus): StatedHealth {
  switch (status) {
    case HealthStatus.UNHEALTHY:
      return 'unhealthy';
    case HealthStatus.DRAINING:
      return 'draining';
    case HealthStatus.TIMEOUT:
      return 'timeout';
    case HealthStatus.DEGRADED:
      return 'degraded';
    default:
      return 'healthy';
  }
}

/** The hosts of a STATIC cluster. */
export function hostsOf(cluster: Cluster): Host[] {
  return targetsOf(cluster.loadAssignment).map(target => new Host(target));
}
