/** The kinds of resources: their discovery services, and the file that holds each. @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol */
import type { DescMessage } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../proxy/api/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../proxy/api/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../proxy/api/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../proxy/api/envoy/config/route/v3/route_pb.js';
import { SecretSchema } from '../../proxy/api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';

export type KindName = 'CDS' | 'EDS' | 'LDS' | 'RDS' | 'SDS';

export interface Kind {
  name: KindName;
  file: string;
  schema: DescMessage;
  /** The field that names a resource. */
  nameField: string;
  /** Of the discovery service that has this kind alone: `StreamClusters`, `DeltaClusters`. */
  method: string;
  service: string;
  /** Who names nothing is given all. */
  wildcard: boolean;
  /** What has to be told again when this kind changed: a changed cluster waits for its endpoints, even if these did not change. */
  leadsTo?: KindName;
}

/** In the order in which a change is told, so that nothing points at what is not there yet. */
export const kinds: readonly Kind[] = [
  {
    name: 'CDS',
    file: 'clusters.yaml',
    schema: ClusterSchema,
    nameField: 'name',
    method: 'Clusters',
    service: 'envoy.service.cluster.v3.ClusterDiscoveryService',
    wildcard: true,
    leadsTo: 'EDS',
  },
  {
    name: 'EDS',
    file: 'endpoints.yaml',
    schema: ClusterLoadAssignmentSchema,
    nameField: 'cluster_name',
    method: 'Endpoints',
    service: 'envoy.service.endpoint.v3.EndpointDiscoveryService',
    wildcard: false,
  },
  {
    name: 'LDS',
    file: 'listeners.yaml',
    schema: ListenerSchema,
    nameField: 'name',
    method: 'Listeners',
    service: 'envoy.service.listener.v3.ListenerDiscoveryService',
    wildcard: true,
    leadsTo: 'RDS',
  },
  {
    name: 'RDS',
    file: 'routes.yaml',
    schema: RouteConfigurationSchema,
    nameField: 'name',
    method: 'Routes',
    service: 'envoy.service.route.v3.RouteDiscoveryService',
    wildcard: false,
  },
  {
    name: 'SDS',
    file: 'secrets.yaml',
    schema: SecretSchema,
    nameField: 'name',
    method: 'Secrets',
    service: 'envoy.service.secret.v3.SecretDiscoveryService',
    wildcard: false,
  },
];

const urlPrefix = 'type.googleapis.com/';

export const typeUrlOf = ({ schema }: Kind): string => `${urlPrefix}${schema.typeName}`;

export const kindOfType = (typeUrl: string): Kind | undefined => kinds.find(kind => typeUrlOf(kind) === typeUrl);

/** A call's path, understood. */
export interface Call {
  /** Undefined: all kinds in one stream (ADS). */
  kind: Kind | undefined;
  /** The changes alone are told, not the state of the world. */
  delta: boolean;
}

const aggregated = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

/** The call that a path stands for; undefined: there is no such service. */
export function callAt(path: string): Call | undefined {
  if (path === `${aggregated}/StreamAggregatedResources`) return { kind: undefined, delta: false };
  if (path === `${aggregated}/DeltaAggregatedResources`) return { kind: undefined, delta: true };
  for (const kind of kinds) {
    if (path === `/${kind.service}/Stream${kind.method}`) return { kind, delta: false };
    if (path === `/${kind.service}/Delta${kind.method}`) return { kind, delta: true };
  }
  return undefined;
}
