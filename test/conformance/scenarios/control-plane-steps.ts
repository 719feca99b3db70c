/** Parts of scenarios with a control plane: configurations that ask one, resources that it has, and what it is asked. */
import { setTimeout as wait } from 'node:timers/promises';
import { exchange } from '../exchange.ts';
import type { Place, Ports, Scenario, Step } from '../scenario.ts';
import { type Kind, XdsServer } from '../xds-server.ts';
import { address, cluster } from './configuration.ts';
import { api } from './discovery.ts';

type Json = Record<string, unknown>;

/** How resources are asked for. */
export interface Way {
  name: string;
  apiType: 'GRPC' | 'DELTA_GRPC';
  aggregated: boolean;
}

export const ways: Way[] = [
  { name: 'one stream for all', apiType: 'GRPC', aggregated: true },
  { name: 'a stream for each', apiType: 'GRPC', aggregated: false },
  { name: 'one stream for all, changes only', apiType: 'DELTA_GRPC', aggregated: true },
  { name: 'a stream for each, changes only', apiType: 'DELTA_GRPC', aggregated: false },
];

export const grpc = (apiType: string): Json => ({
  api_type: apiType,
  transport_api_version: 'V3',
  grpc_services: [{ envoy_grpc: { cluster_name: 'control-plane' } }],
});

export const sourceOf = ({ apiType, aggregated }: Way): Json => ({
  resource_api_version: 'V3',
  initial_fetch_timeout: '10s',
  ...(aggregated ? { ads: {} } : { api_config_source: grpc(apiType) }),
});

/** A cluster whose connections speak HTTP/2. */
const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': api('extensions.upstreams.http.v3.HttpProtocolOptions'),
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

export const bootstrap = (ports: Ports, way: Way): Json => ({
  node: { id: 'proxy', cluster: 'proxies' },
  admin: { address: address(ports.admin) },
  dynamic_resources: {
    ...(way.aggregated && { ads_config: grpc(way.apiType) }),
    cds_config: sourceOf(way),
    lds_config: sourceOf(way),
  },
  static_resources: { clusters: [cluster('control-plane', [ports.nobody], http2)] },
});

export const edsCluster = (name: string, source: Json, more: Json = {}): Json => ({
  '@type': api('config.cluster.v3.Cluster'),
  name,
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { eds_config: source },
  ...more,
});

export const assignment = (name: string, port: number): Json => ({
  '@type': api('config.endpoint.v3.ClusterLoadAssignment'),
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
});

export const listener = (ports: Ports, source: Json, routes = 'routes', more: Json = {}): Json => ({
  '@type': api('config.listener.v3.Listener'),
  name: 'main',
  address: address(ports.listener),
  filter_chains: [
    {
      filters: [
        {
          name: 'http',
          typed_config: {
            '@type': api('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
            stat_prefix: 'in',
            rds: { route_config_name: routes, config_source: source },
            http_filters: [
              { name: 'router', typed_config: { '@type': api('extensions.filters.http.router.v3.Router') } },
            ],
          },
        },
      ],
    },
  ],
  ...more,
});

export const routes = (name: string, route: Json): Json => ({
  '@type': api('config.route.v3.RouteConfiguration'),
  name,
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }],
});

export const to = (name: string): Json => ({ route: { cluster: name } });

/** A part of an answer that comes from the proxy alone. */
export const answers = (status: number): Json => ({ direct_response: { status } });

/** Nothing more is asked when so long nothing was. */
const quietMs = 300;

/** How long what was published may take to be read: a resource is loaded by another process. */
const patienceMs = 3000;

/** What a control plane was asked since the last time. @param isAnswer something is to be asked, at least */
export async function asked({ record }: XdsServer, isAnswer: boolean): Promise<string[]> {
  for (const end = Date.now() + patienceMs; isAnswer && record.length === 0 && Date.now() < end; ) await wait(20);
  for (let before = -1; before !== record.length; await wait(quietMs)) before = record.length;
  return record.splice(0).map(shortened);
}

/** Envoy tells the whole message, ours the place in it. */
const shortened = (line: string): string =>
  line.replace(/error 13 .*(?=Proto constraint)/s, 'error 13 ').replace(/[\w[\]]+\.[\w[\].]+: (?=malformed)/, '');

/** The control plane beside a scenario. Each playing of one has its own, which is the `server` meanwhile. */
export class ControlPlane {
  server = new XdsServer();

  /** What a scenario has beside it. @param first publishes what is there from the start */
  beside(first: (server: XdsServer, ports: Ports) => void): NonNullable<Scenario['beside']> {
    return async ports => {
      this.server = new XdsServer();
      await this.server.listen(ports.nobody);
      first(this.server, ports);
      return () => this.server.close();
    };
  }

  /** Steps: what is asked after something was done, and after something was published. */
  readonly asking =
    (way: Way) =>
    (name: string, act: (place: Place) => void | Promise<void> = () => undefined, isAnswer = false): Step => ({
      name,
      see: async place => {
        await act(place);
        const lines = await asked(this.server, isAnswer);
        return isOrdered(way, lines) ? lines : lines.sort();
      },
    });

  readonly publishing = (way: Way) => {
    const asking = this.asking(way);
    return (name: string, kind: Kind, version: string, resources: Json[] | ((place: Place) => Json[])): Step =>
      asking(
        name,
        place => this.server.publish(kind, version, Array.isArray(resources) ? resources : resources(place)),
        true,
      );
  };
}

/** Between streams there is no order, and virtual hosts always come by changes. */
const isOrdered = ({ aggregated, apiType }: Way, lines: readonly string[]): boolean =>
  aggregated && (apiType === 'DELTA_GRPC' || !lines.some(line => line.includes('VHDS')));

export const named = (name: string, step: Step): Step => ({ ...step, name });

export const main = (name: string): Step => ({
  name,
  see: async ({ ports }) =>
    (await exchange(ports.listener, 'GET /status/201 HTTP/1.1\r\nhost: a\r\n\r\n').catch(() => ({ head: ['nobody'] })))
      .head[0],
});
