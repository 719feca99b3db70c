/** Clusters that are asked for when a request wants them. */
import { type Place, type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';
import { cluster } from './configuration.ts';
import { bootstrap, ControlPlane, grpc, listener, named, sourceOf, type Way, ways } from './control-plane-steps.ts';
import { api } from './discovery.ts';

type Json = Record<string, unknown>;

const plane = new ControlPlane();

const odcds = (way: Way): Json => ({
  timeout: '1s',
  source: way.aggregated
    ? { resource_api_version: 'V3', ads: {} }
    : { resource_api_version: 'V3', api_config_source: grpc('DELTA_GRPC') },
});

const onDemandType = 'extensions.filters.http.on_demand.v3';

const listening = (ports: Ports, way: Way): Json => {
  const found = listener(ports, sourceOf(way)) as { filter_chains: { filters: { typed_config: Json }[] }[] } & Json;
  const filters = [
    { name: 'on-demand', typed_config: { '@type': api(`${onDemandType}.OnDemand`), odcds: odcds(way) } },
    { name: 'router', typed_config: { '@type': api('extensions.filters.http.router.v3.Router') } },
  ];
  Object.assign(found.filter_chains[0]!.filters[0]!.typed_config, { http_filters: filters });
  return found;
};

const table: Json = {
  '@type': api('config.route.v3.RouteConfiguration'),
  name: 'routes',
  virtual_hosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: [
        { match: { prefix: '/plain' }, route: { cluster: 'plain', prefix_rewrite: '/echo-body' } },
        {
          match: { prefix: '/off' },
          route: { cluster: 'off' },
          typed_per_filter_config: { 'on-demand': { '@type': api(`${onDemandType}.PerRouteConfig`) } },
        },
        { match: { prefix: '/' }, route: { cluster_header: 'x-cluster', prefix_rewrite: '/echo-body' } },
      ],
    },
  ],
};

const came = (name: string, port: number, more: Json = {}): Json => ({
  '@type': api('config.cluster.v3.Cluster'),
  ...cluster(name, [port]),
  ...more,
});

const all = ['one', 'two', 'plain', 'off', 'late', 'quiet', 'missing', 'more'];

const first = (ports: Ports): Json[] => ['one', 'two', 'plain', 'off'].map(name => came(name, ports.raw));

const publish = (version: string, resources: Json[]): void => plane.server.publish('CDS', version, resources);

const to = (name: string, clusterName: string, body = ''): Step =>
  request('/', { headers: [`x-cluster: ${clusterName}`], method: body === '' ? 'GET' : 'POST', body }, name);

const ends = [
  'update_attempt',
  'update_success',
  'update_rejected',
  'update_failure',
  'init_fetch_timeout',
  'version_text',
];
const counted = stats(
  ...ends.map(name => `cluster_manager.odcds.${name}`),
  ...['cluster_added', 'cluster_modified', 'cluster_removed', 'active_clusters'].map(name => `cluster_manager.${name}`),
  ...['no_cluster', 'downstream_rq_2xx', 'downstream_rq_5xx'].map(name => `http.in.${name}`),
);

const acting = (name: string, act: (place: Place) => void, step: Step): Step => ({
  name,
  see: place => {
    act(place);
    return step.see(place);
  },
});

const served = (way: Way): Pick<Scenario, 'beside' | 'config'> => ({
  beside: plane.beside((server, ports) => {
    for (const name of all) server.onDemand.add(name);
    server.publish('CDS', 'c1', first(ports));
    server.publish('LDS', 'l1', [listening(ports, way)]);
    server.publish('RDS', 'r1', [table]);
  }),
  config: ports => bootstrap(ports, way),
});

const onDemand = (way: Way, asking = plane.asking(way)): Scenario => ({
  name: `clusters on demand: ${way.name}`,
  ...served(way),
  steps: [
    asking('what it is asked at first'),
    named('counted at first', counted),
    to('a cluster that is asked for', 'one'),
    asking('it was asked for'),
    to('again', 'one'),
    request('/plain', { method: 'POST', body: 'some body' }, 'one that the route names, with a body'),
    asking('that was asked for'),
    named('counted then', counted),
    to('one that is not there', 'missing'),
    asking('that was asked for, too'),
    named('counted with that', counted),
    to('again one that is not there', 'missing'),
    asking('whether that was asked for again'),
    named('counted with that again', counted),
    {
      name: 'it comes while somebody waits',
      see: async place => {
        const answer = to('', 'missing').see(place);
        await until('http.in.downstream_rq_active', 1).see(place);
        publish('c2', [...first(place.ports), came('missing', place.ports.raw)]);
        return answer;
      },
    },
    asking('what was asked then'),
    {
      name: 'one changes, another goes',
      see: async ({ ports }) => {
        publish('c3', [came('one', ports.raw, { connect_timeout: '2s' }), came('missing', ports.raw)]);
        await until('cluster_manager.cluster_removed', 1).see({ ports } as Place);
      },
    },
    asking('what was said to that'),
    request('/plain', {}, 'the one that went'),
    asking('whether that is asked for again'),
    named('counted after all that', counted),
    to('no name', ''),
    request('/off', {}, 'a route that asks for none'),
    acting('nobody answers', () => plane.server.silent.add('CDS'), to('', 'quiet')),
    acting('with a body', () => undefined, to('', 'quiet', 'some body')),
    asking('it was asked for nobody to answer'),
    named('counted in between', counted),
  ],
});

/** Whichever worker a connection comes to. */
const manyWorkers = (way: Way): Scenario => ({
  name: `clusters on demand of several workers: ${way.name}`,
  args: ['--concurrency', '2'],
  ...served(way),
  steps: ['one', 'two', 'one', 'two', 'one', 'two'].map((name, index) => to(`request ${index}`, name)),
});

const deltaWays = ways.filter(({ apiType }) => apiType === 'DELTA_GRPC');
export const demandedClusters: Scenario[] = [...deltaWays.map(way => onDemand(way)), ...deltaWays.map(manyWorkers)];
