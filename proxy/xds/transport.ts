/** How bytes come from whoever sends resources, and go there. */

/** Hears what comes on a stream. */
export interface DiscoveryReceiver {
  onResponse(bytes: Uint8Array): void;
  /** The last that is heard, once, perhaps before the stream is returned. */
  onClosed(status: number, message: string): void;
}

/** A stream that is open. */
export interface DiscoveryCall {
  send(bytes: Uint8Array): void;
  /** Nothing more is heard. */
  close(): void;
}

/** A service that streams can be opened to. */
export interface DiscoveryTransport {
  /** @param path `/package.Service/Method` */
  open(path: string, receiver: DiscoveryReceiver): DiscoveryCall;
}

/** A service that is asked by plain HTTP. */
export interface RestTransport {
  /**
   * Asks with JSON.
   * @param path where resources of a kind are, see `restPathOf`
   * @param onDone is told the answer once, perhaps before this returns; undefined: there is none
   * @returns what gives it up: nothing more is heard then
   */
  post(path: string, json: string, timeoutMs: number, onDone: (answer: RestAnswer | undefined) => void): () => void;
}

export interface RestAnswer {
  /** Of HTTP. */
  status: number;
  body: string;
}

interface Service {
  name: string;
  /** What its methods are named after. */
  noun: string;
}

const services: Record<string, Service> = {
  'envoy.config.cluster.v3.Cluster': { name: 'envoy.service.cluster.v3.ClusterDiscoveryService', noun: 'Clusters' },
  'envoy.config.endpoint.v3.ClusterLoadAssignment': {
    name: 'envoy.service.endpoint.v3.EndpointDiscoveryService',
    noun: 'Endpoints',
  },
  'envoy.config.listener.v3.Listener': {
    name: 'envoy.service.listener.v3.ListenerDiscoveryService',
    noun: 'Listeners',
  },
  'envoy.config.route.v3.RouteConfiguration': {
    name: 'envoy.service.route.v3.RouteDiscoveryService',
    noun: 'Routes',
  },
  'envoy.config.route.v3.ScopedRouteConfiguration': {
    name: 'envoy.service.route.v3.ScopedRoutesDiscoveryService',
    noun: 'ScopedRoutes',
  },
  'envoy.config.route.v3.VirtualHost': {
    name: 'envoy.service.route.v3.VirtualHostDiscoveryService',
    noun: 'VirtualHosts',
  },
  'envoy.extensions.transport_sockets.tls.v3.Secret': {
    name: 'envoy.service.secret.v3.SecretDiscoveryService',
    noun: 'Secrets',
  },
  'envoy.service.runtime.v3.Runtime': { name: 'envoy.service.runtime.v3.RuntimeDiscoveryService', noun: 'Runtime' },
};

/** Where one stream carries all kinds of resources. */
export const aggregatedPath = (delta: boolean): string =>
  `/envoy.service.discovery.v3.AggregatedDiscoveryService/${delta ? 'Delta' : 'Stream'}AggregatedResources`;

/** Where resources of this message are streamed alone. */
export function pathOf(typeName: string, delta: boolean): string {
  const { name, noun } = serviceOf(typeName);
  return `/${name}/${delta ? 'Delta' : 'Stream'}${noun}`;
}

/** The same by plain HTTP: `/v3/discovery:clusters`. */
export const restPathOf = (typeName: string): string => `/v3/discovery:${serviceOf(typeName).noun.toLowerCase()}`;

function serviceOf(typeName: string): Service {
  const service = services[typeName];
  if (service === undefined) throw new Error(`resources of type ${typeName} are not supported`);
  return service;
}
