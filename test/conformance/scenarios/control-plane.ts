/** Resources that a control plane sends: what it is asked, and what is made of its answers. */
import { setTimeout as wait } from 'node:timers/promises';
import { exchange } from '../exchange.ts';
import { admin, type Place, type Ports, type Scenario, type Step, stats } from '../scenario.ts';
import { type Kind, XdsServer } from '../xds-server.ts';
import { until } from './answers.ts';
import { address, cluster } from './configuration.ts';
import { api } from './discovery.ts';
import { certificate } from './tls-steps.ts';

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

/** That of the scenario that is played now. */
let server = new XdsServer();

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

const asking = (name: string, act: (place: Place) => void | Promise<void>, way: Way, isAnswer = false): Step => ({
  name,
  see: async place => {
    await act(place);
    const lines = await asked(server, isAnswer);
    // Between streams there is no order.
    return way.aggregated ? lines : lines.sort();
  },
});

/** All streams are there anew. */
async function reconnected({ aggregated }: Way): Promise<void> {
  const until = Date.now() + 20_000;
  const first = () => server.record.filter(line => line.includes('no nonce')).length;
  while (first() < (aggregated ? 4 : 5) && Date.now() < until) await wait(20);
}

const publishingBy =
  (way: Way) =>
  (name: string, kind: Kind, version: string, resources: (place: Place) => Json[]): Step =>
    asking(name, place => server.publish(kind, version, resources(place)), way, true);

export const named = (name: string, step: Step): Step => ({ ...step, name });

export const main = (name: string): Step => ({
  name,
  see: async ({ ports }) =>
    (await exchange(ports.listener, 'GET /status/201 HTTP/1.1\r\nhost: a\r\n\r\n').catch(() => ({ head: ['nobody'] })))
      .head[0],
});

const counted = ['update_attempt', 'update_success', 'update_rejected', 'update_failure', 'init_fetch_timeout'];
const prefixes = ['cluster_manager.cds.', 'listener_manager.lds.', 'http.in.rds.routes.', 'cluster.one.'];
const all = [
  ...prefixes.flatMap(prefix => [...counted, 'version', 'version_text'].map(name => prefix + name)),
  ...['connected_state', 'pending_requests', 'rate_limit_enforced'].flatMap(name => [
    `control_plane.${name}`,
    `cluster_manager.cds.control_plane.${name}`,
  ]),
];

const streams = (way: Way, source = sourceOf(way), publishing = publishingBy(way)): Scenario => ({
  name: `a control plane: ${way.name}`,
  beside: async ports => {
    server = new XdsServer();
    await server.listen(ports.nobody);
    server.publish('CDS', 'c1', [edsCluster('one', source)]);
    server.publish('EDS', 'e1', [assignment('one', ports.httpbin)]);
    server.publish('LDS', 'l1', [listener(ports, source)]);
    server.publish('RDS', 'r1', [routes('routes', to('one'))]);
    return () => server.close();
  },
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first', () => undefined, way),
    main('a request finds its way'),
    named('counted at first', stats(...all)),
    publishing('other routes', 'RDS', 'r2', () => [routes('routes', { direct_response: { status: 202 } })]),
    main('they are in use'),
    publishing('routes that cannot be', 'RDS', 'r3', () => [routes('routes', { direct_response: { status: 99 } })]),
    main('those before stay'),
    publishing('routes again', 'RDS', 'r4', () => [routes('routes', to('one'))]),
    publishing('a host more', 'EDS', 'e2', ({ ports }) => [assignment('one', ports.raw)]),
    publishing('a cluster more', 'CDS', 'c2', () => [edsCluster('one', source), edsCluster('two', source)]),
    named('warming, without hosts', stats('cluster_manager.warming_clusters')),
    publishing('its hosts', 'EDS', 'e3', ({ ports }) => [
      assignment('one', ports.httpbin),
      assignment('two', ports.raw),
    ]),
    named('warming, with hosts', stats('cluster_manager.warming_clusters')),
    publishing('a cluster changes', 'CDS', 'c3', () => [
      edsCluster('one', source),
      edsCluster('two', source, { connect_timeout: '2s' }),
    ]),
    publishing('a cluster goes', 'CDS', 'c4', () => [edsCluster('one', source)]),
    publishing('a cluster that cannot be', 'CDS', 'c5', () => [
      edsCluster('one', source),
      {
        '@type': api('config.cluster.v3.Cluster'),
        name: 'bad',
        type: 'STATIC',
        load_assignment: {
          cluster_name: 'bad',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(1, 'nowhere') } }] }],
        },
      },
    ]),
    publishing('a cluster that is no message', 'CDS', 'c6', () => [
      edsCluster('one', source, { outlier_detection: { max_ejection_percent: 101 } }),
    ]),
    publishing('a listener with other routes', 'LDS', 'l2', ({ ports }) => [listener(ports, source, 'others')]),
    stats('listener_manager.total_listeners_warming'),
    publishing('these routes', 'RDS', 'r5', () => [routes('others', { direct_response: { status: 203 } })]),
    main('they are in use then'),
    named('counted then', stats(...all)),
    asking(
      'the streams end',
      async () => {
        server.record.length = 0;
        server.endStreams(14, 'gone');
        await reconnected(way);
      },
      way,
    ),
    main('all goes on'),
    asking(
      'the control plane goes',
      async place => {
        await server.close();
        await until('cluster.control-plane.upstream_cx_active', 0).see(place);
      },
      way,
    ),
    main('all goes on without'),
    stats(...all.filter(name => /connected/.test(name))),
    asking(
      'it comes back',
      async ({ ports }) => {
        server = new XdsServer();
        server.publish('CDS', 'c4', [edsCluster('one', source)]);
        await server.listen(ports.nobody);
        await reconnected(way);
      },
      way,
    ),
    publishing('no listener', 'LDS', 'l3', () => []),
    main('nobody'),
  ],
});

/** What listeners wait for, and what they share with those before. */
const waiting = (way: Way, source = sourceOf(way), publishing = publishingBy(way)): Scenario => ({
  name: `listeners of a control plane: ${way.name}`,
  beside: async ports => {
    server = new XdsServer();
    await server.listen(ports.nobody);
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [listener(ports, source)]);
    server.publish('RDS', 'r1', [routes('routes', { direct_response: { status: 201 } })]);
    return () => server.close();
  },
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first', () => undefined, way),
    publishing('another listener with the same routes', 'LDS', 'l2', ({ ports }) => [
      listener(ports, source, 'routes', { per_connection_buffer_limit_bytes: 9999 }),
    ]),
    main('it has them'),
    asking(
      'one whose routes do not come',
      ({ ports }) => {
        server.silent.add('RDS');
        server.publish('LDS', 'l3', [listener(ports, source, 'late')]);
      },
      way,
    ),
    named('it warms', stats('listener_manager.total_listeners_warming', 'listener_manager.listener_modified')),
    main('the one before serves'),
    {
      ...admin('/config_dump?resource=dynamic_listeners', body =>
        body.replaceAll(/initial_fetch_timeout": "10.*/g, ''),
      ),
      name: 'the dump while it warms',
    },
    asking(
      'they come',
      () => {
        server.silent.clear();
        server.publish('RDS', 'r2', [
          routes('routes', { direct_response: { status: 201 } }),
          routes('late', { direct_response: { status: 202 } }),
        ]);
      },
      way,
    ),
    main('it serves'),
    publishing('one with a certificate', 'LDS', 'l4', ({ ports }) => {
      const secured = listener(ports, source, 'routes', { name: 'secured', address: address(ports.raw, '127.0.0.3') });
      const common = { tls_certificate_sds_secret_configs: [{ name: 'own', sds_config: source }] };
      const typed = {
        '@type': api('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
        common_tls_context: common,
      };
      const [chain] = secured.filter_chains as Json[];
      return [
        listener(ports, source, 'late'),
        { ...secured, filter_chains: [{ ...chain, transport_socket: { name: 'tls', typed_config: typed } }] },
      ];
    }),
    named('it waits for it', stats('listener_manager.total_listeners_warming')),
    publishing('the certificate', 'SDS', 's1', () => [
      {
        '@type': api('extensions.transport_sockets.tls.v3.Secret'),
        name: 'own',
        tls_certificate: certificate('one'),
      },
    ]),
    named('it has it', stats('listener_manager.total_listeners_warming', 'sds.own.update_success')),
    publishing('a listener that cannot be', 'LDS', 'l5', ({ ports }) => [
      listener(ports, source, 'late'),
      { ...listener(ports, source, 'late'), name: 'twice' },
    ]),
    publishing('no listeners', 'LDS', 'l6', () => []),
    named(
      'nothing is left',
      stats('listener_manager.total_listeners_active', 'listener_manager.total_listeners_warming'),
    ),
  ],
});

export const controlPlanes: Scenario[] = [
  ...ways.map(way => streams(way)),
  ...ways.filter(({ aggregated }) => aggregated).map(way => waiting(way)),
];
