/** Clusters, routes and endpoints that come from files while the proxy runs. */
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { admin, type Place, type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';

export const api = (type: string) => `type.googleapis.com/envoy.${type}`;
const patience = 10_000;

/** A DiscoveryResponse as a file holds it. */
export const response = (version: string, resources: object[]): string =>
  JSON.stringify({ version_info: version, resources });

const edsCluster = (folder: string, more: object = {}): object => ({
  '@type': api('config.cluster.v3.Cluster'),
  name: 'one',
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { service_name: 'service-one', eds_config: source(folder, 'eds') },
  ...more,
});

const fixedCluster = (name: string, address: string, port: number, more: object = {}): object => ({
  '@type': api('config.cluster.v3.Cluster'),
  name,
  type: 'STATIC',
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint(address, port)] }] },
  ...more,
});

const endpoint = (address: string, port: number): object => ({
  endpoint: { address: { socket_address: { address, port_value: port } } },
});

const assignment = (endpoints: object[], name = 'service-one'): object => ({
  '@type': api('config.endpoint.v3.ClusterLoadAssignment'),
  cluster_name: name,
  endpoints: [{ lb_endpoints: endpoints }],
});

export const routes = (list: object[], name = 'routes'): object => ({
  '@type': api('config.route.v3.RouteConfiguration'),
  name,
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: list }],
});

const toOne = [{ match: { prefix: '/' }, route: { cluster: 'one' } }];

export function source(folder: string, kind: string): object {
  return { path_config_source: { path: join(folder, `${kind}.json`) }, resource_api_version: 'V3' };
}

/** Moves a file in place, as a careful writer does. */
export function put(folder: string, kind: string, text: string): void {
  const fresh = join(folder, `${kind}.fresh`);
  writeFileSync(fresh, text);
  renameSync(fresh, join(folder, `${kind}.json`));
}

const prefixes: Record<string, string> = {
  lds: 'listener_manager.lds.',
  cds: 'cluster_manager.cds.',
  rds: 'http.ingress.rds.routes.',
  eds: 'cluster.one.',
};

export const counted = [
  'update_attempt',
  'update_success',
  'update_rejected',
  'update_failure',
  'version',
  'version_text',
];

export async function readStat(port: number, name: string): Promise<string> {
  const body = await (await fetch(`http://127.0.0.1:${port}/stats?filter=^${name.replaceAll('.', '\\.')}$`)).text();
  return body.trim().split(': ')[1] ?? 'absent';
}

/** A step: a file changes, which the proxy has taken or refused once it counts another attempt and its end. */
export function publish(name: string, kind: string, text: (place: Place) => string, ...more: string[]): Step {
  const prefix = prefixes[kind]!;
  return {
    name,
    see: async place => {
      const { ports } = place;
      const ends = ['update_success', 'update_rejected', 'update_failure'];
      const done = async (): Promise<number> => {
        const values = await Promise.all(ends.map(end => readStat(ports.admin, prefix + end)));
        return values.reduce((sum, value) => sum + Number(value), 0);
      };
      const before = await done();
      put(dirname(place.accessLog), kind, text(place));
      const until = Date.now() + patience;
      while ((await done()) === before && Date.now() < until) await wait(20);
      return stats(...counted.map(one => prefix + one), ...more).see(place);
    },
  };
}

const overprovisioned = { overprovisioning_factor: 200 };

export const folderOf = (place: Place): string => dirname(place.accessLog);

function bootstrap(ports: Ports, accessLog: string): object {
  const folder = dirname(accessLog);
  put(folder, 'cds', response('c1', [edsCluster(folder)]));
  put(folder, 'eds', response('e1', [assignment([endpoint('127.0.0.1', ports.httpbin)])]));
  put(folder, 'rds', response('r1', [routes(toOne)]));
  const manager = {
    '@type': api('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'ingress',
    rds: { route_config_name: 'routes', config_source: source(folder, 'rds') },
    http_filters: [{ name: 'router', typed_config: { '@type': api('extensions.filters.http.router.v3.Router') } }],
  };
  return {
    node: { id: 'proxy', cluster: 'proxies' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: ports.admin } } },
    dynamic_resources: { cds_config: source(folder, 'cds') },
    static_resources: {
      listeners: [
        {
          name: 'ingress',
          address: { socket_address: { address: '127.0.0.1', port_value: ports.listener } },
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
    },
  };
}

/** The parts of a dump that are not the bootstrap or the listener's, without times and folders. */
function dynamicParts(body: string): unknown {
  const { configs } = JSON.parse(body.replaceAll(/"[^"]*\/(cds|rds|eds)\.json"/g, '"<$1>"')) as {
    configs: { '@type': string }[];
  };
  return configs.filter(config => /Clusters|Endpoints|Routes/.test(config['@type']));
}

const clusterStats = [
  'active_clusters',
  'warming_clusters',
  'cluster_added',
  'cluster_modified',
  'cluster_removed',
].map(name => `cluster_manager.${name}`);
const hostStats = ['membership_change', 'membership_total', 'update_empty', 'update_no_rebuild'].map(
  name => `cluster.one.${name}`,
);

export const fileDiscovery: Scenario = {
  name: 'discovery by files',
  config: bootstrap,
  steps: [
    request('/anything/first'),
    stats(...counted.map(name => prefixes.cds + name), 'cluster_manager.cds.config_reload', ...clusterStats),
    stats(...counted.map(name => prefixes.rds + name), 'http.ingress.rds.routes.config_reload'),
    stats(...counted.map(name => prefixes.eds + name), ...hostStats),
    admin('/config_dump?include_eds', dynamicParts),
    publish('another route takes over', 'rds', () =>
      response('r2', [routes([{ match: { prefix: '/' }, direct_response: { status: 418 } }])]),
    ),
    request('/anything/second'),
    publish('routes under another name are refused', 'rds', () => response('r3', [routes(toOne, 'others')])),
    publish('two tables are refused', 'rds', () => response('r4', [routes(toOne), routes(toOne, 'others')])),
    publish('a route that cannot be is refused', 'rds', () =>
      response('r5', [routes([{ match: { safe_regex: { regex: '(' } }, route: { cluster: 'one' } }])]),
    ),
    publish('a domain twice is refused', 'rds', () => {
      const table = routes(toOne) as { virtual_hosts: { domains: string[] }[] };
      table.virtual_hosts[0]!.domains = ['a', 'a'];
      return response('r6', [table]);
    }),
    publish(
      'an unknown field is counted, not refused',
      'rds',
      () => response('r7', [routes([{ match: { prefix: '/', prefax: 1 }, direct_response: { status: 419 } }])]),
      'server.dynamic_unknown_fields',
    ),
    request('/anything/third'),
    publish('no routes leave those that were', 'rds', () => response('r8', [])),
    request('/anything/fourth'),
    publish('back to the cluster', 'rds', () => response('r9', [routes(toOne)])),
    request('/anything/fifth'),
    publish(
      'another host comes',
      'eds',
      ({ ports }) => {
        const hosts = [endpoint('127.0.0.1', ports.httpbin), endpoint('127.0.0.2', ports.nobody)];
        return response('e2', [assignment(hosts)]);
      },
      ...hostStats,
      'cluster_manager.cluster_updated',
    ),
    publish(
      'the same hosts change nothing',
      'eds',
      ({ ports }) => {
        const hosts = [endpoint('127.0.0.1', ports.httpbin), endpoint('127.0.0.2', ports.nobody)];
        return response('e3', [assignment(hosts)]);
      },
      ...hostStats,
    ),
    admin('/config_dump?include_eds&resource=dynamic_endpoint_configs'),
    ...[
      ['the health of a host changes', { health_status: 'UNHEALTHY' }],
      ['its weight changes', { health_status: 'UNHEALTHY', load_balancing_weight: 3 }],
      ['it is draining', { health_status: 'DRAINING', load_balancing_weight: 3 }],
      ['it is degraded', { health_status: 'DEGRADED', load_balancing_weight: 3 }],
      ['how load is spread changes', { health_status: 'DEGRADED', load_balancing_weight: 3 }, overprovisioned],
    ].flatMap(([name, told, policy = {}]) => [
      publish(
        name as string,
        'eds',
        ({ ports }) => {
          const hosts = [
            endpoint('127.0.0.1', ports.httpbin),
            { ...endpoint('127.0.0.2', ports.nobody), ...(told as object) },
          ];
          return response(`e3 ${name}`, [{ ...assignment(hosts), policy }]);
        },
        ...hostStats,
        ...['membership_healthy', 'membership_degraded', 'membership_excluded'].map(stat => `cluster.one.${stat}`),
        'cluster_manager.cluster_updated',
      ),
      { ...admin('/config_dump?include_eds&resource=dynamic_endpoint_configs'), name: `${name}: dump` },
      {
        ...admin('/clusters?filter=one', body =>
          body
            .split('\n')
            .filter(line => /health_flags|weight/.test(line))
            .sort(),
        ),
        name: `${name}: clusters`,
      },
    ]),
    publish('hosts of another service are refused', 'eds', ({ ports }) =>
      response('e4', [assignment([endpoint('127.0.0.1', ports.httpbin)], 'service-two')]),
    ),
    publish('no assignment leaves the hosts', 'eds', () => response('e5', []), ...hostStats),
    publish('a host that cannot be is refused', 'eds', () => response('e6', [assignment([endpoint('nowhere', 1)])])),
    publish('a port that cannot be is refused', 'eds', () =>
      response('e6p', [assignment([endpoint('127.0.0.1', 99_999)])]),
    ),
    publish(
      'back to one host',
      'eds',
      ({ ports }) => response('e7', [assignment([endpoint('127.0.0.1', ports.httpbin)])]),
      ...hostStats,
    ),
    request('/anything/sixth'),
    publish(
      'a cluster that is no valid message: nothing of the update is taken',
      'cds',
      place =>
        response('c2', [
          fixedCluster('two', '127.0.0.1', place.ports.httpbin),
          edsCluster(folderOf(place), { circuit_breakers: { thresholds: [{ priority: 7 }] } }),
        ]),
      ...clusterStats,
    ),
    publish('what is no document at all is a failure', 'cds', () => '{', ...clusterStats),
    publish(
      'a cluster that cannot be: the others are taken',
      'cds',
      place =>
        response('c3', [
          edsCluster(folderOf(place)),
          fixedCluster('two', '127.0.0.1', place.ports.httpbin),
          fixedCluster('three', 'nowhere', 1),
        ]),
      ...clusterStats,
      'cluster_manager.cds.config_reload',
    ),
    admin('/clusters', body => [...new Set(body.split('\n').map(line => line.split('::')[0]))].sort()),
    publish(
      'a cluster changes',
      'cds',
      place => response('c4', [edsCluster(folderOf(place), { connect_timeout: '2s' })]),
      ...clusterStats,
    ),
    request('/anything/seventh'),
    publish(
      'nothing changes',
      'cds',
      place => response('c5', [edsCluster(folderOf(place), { connect_timeout: '2s' })]),
      ...clusterStats,
      'cluster_manager.cds.config_reload',
    ),
    admin('/config_dump?resource=dynamic_active_clusters', body => body.replaceAll(/"[^"]*\/eds\.json"/g, '"<eds>"')),
    publish('no clusters', 'cds', () => response('c6', []), ...clusterStats),
    request('/anything/eighth'),
    stats('cluster.one.update_attempt'),
  ],
};

const looked = (folder: string, more: object = {}): object =>
  edsCluster(folder, {
    health_checks: [
      {
        ...{
          timeout: '1s',
          interval: '0.1s',
          no_traffic_interval: '0.1s',
          unhealthy_threshold: 1,
          healthy_threshold: 1,
        },
        http_health_check: { path: '/well' },
      },
    ],
    common_lb_config: { healthy_panic_threshold: { value: 0 }, ignore_new_hosts_until_first_hc: true },
    ...more,
  });

const memberStats = ['total', 'healthy', 'excluded', 'change'].map(name => `cluster.one.membership_${name}`);
const flags = (name: string): Step => ({
  ...admin('/clusters?filter=^one$', body =>
    body
      .split('\n')
      .filter(line => /health_flags/.test(line))
      .sort(),
  ),
  name: `${name}: health`,
});
const hosts = (name: string, addresses: (place: Place) => object[]): Step[] => [
  publish(name, 'eds', place => response(name, [assignment(addresses(place))])),
  until('cluster.one.membership_total', 2),
  stats(...memberStats),
];

/** Hosts under active health checks that come and go. */
export const checkedDiscovery: Scenario = {
  name: 'health checks of hosts that come and go',
  config: (ports, log) => {
    const configuration = bootstrap(ports, log);
    const folder = dirname(log);
    put(folder, 'cds', response('c1', [looked(folder)]));
    put(folder, 'eds', response('e1', [assignment([endpoint('127.0.0.1', ports.raw)])]));
    return configuration;
  },
  steps: [
    until('cluster.one.membership_healthy', 1),
    request('/a'),
    ...hosts('one comes that is not well', ({ ports }) => [
      endpoint('127.0.0.1', ports.raw),
      endpoint('127.0.0.1', ports.nobody),
    ]).map((step, index) => (index === 2 ? { ...step, name: 'counted then' } : step)),
    flags('one comes'),
    ...hosts('one leaves that is well', ({ ports }) => [endpoint('127.0.0.1', ports.nobody)]).map((step, index) =>
      index === 0 ? step : { ...step, name: `${step.name}: it stays` },
    ),
    flags('it left and stays'),
    request('/b'),
    publish('it comes back', 'eds', ({ ports }) =>
      response('back', [assignment([endpoint('127.0.0.1', ports.raw), endpoint('127.0.0.1', ports.nobody)])]),
    ),
    flags('it is back'),
    request('/c'),
    publish('it leaves again', 'eds', ({ ports }) =>
      response('again', [assignment([endpoint('127.0.0.1', ports.nobody)])]),
    ),
    request('/ill'),
    until('cluster.one.membership_total', 1),
    flags('it is ill, and gone'),
    request('/d'),
    stats(...memberStats),
  ],
};
