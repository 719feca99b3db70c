/** Routes of which each request has those of its scope. */
import { type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';
import { address } from './configuration.ts';
import { bootstrap, ControlPlane, named, sourceOf, type Way, ways } from './control-plane-steps.ts';
import { api } from './discovery.ts';
import { scopesDump } from './scopes-dump.ts';

type Json = Record<string, unknown>;

const managerType = api('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager');
const routerFilter = { name: 'router', typed_config: { '@type': api('extensions.filters.http.router.v3.Router') } };

export const scopedListener = (ports: Ports, scoped: Json, before: Json[] = []): Json => ({
  '@type': api('config.listener.v3.Listener'),
  name: 'main',
  address: address(ports.listener),
  filter_chains: [
    {
      filters: [
        {
          name: 'http',
          typed_config: {
            '@type': managerType,
            stat_prefix: 'in',
            scoped_routes: { name: 'scopes', ...scoped },
            http_filters: [...before, routerFilter],
          },
        },
      ],
    },
  ],
});

const table = (name: string, status: number, domain = '*'): Json => ({
  name,
  virtual_hosts: [
    {
      name: 'all',
      domains: [domain],
      routes: [{ match: { prefix: '/' }, direct_response: { status, body: { inline_string: name } } }],
    },
  ],
});

const keyOf = (...parts: string[]): Json => ({ fragments: parts.map(part => ({ string_key: part })) });
const extractor = (more: Json): Json => ({ header_value_extractor: { name: 'X-Scope', ...more } });

const at = (name: string, ...headers: string[]): Step => request('/', { headers }, name);

const inlineScope = (name: string, status: number, ...parts: string[]): Json => ({
  name: `scope-${name}`,
  key: keyOf(...parts),
  route_configuration: table(name, status),
});

const inline = (name: string, fragments: Json[], scopes: Json[], steps: Step[]): Scenario => ({
  name: `scopes of routes: ${name}`,
  config: ports => {
    const { '@type': _, ...listener } = scopedListener(ports, {
      scope_key_builder: { fragments },
      scoped_route_configurations_list: { scoped_route_configurations: scopes },
    });
    return { admin: { address: address(ports.admin) }, static_resources: { listeners: [listener] } };
  },
  steps,
});

const byIndex = inline(
  'by index',
  [extractor({ index: 1, element_separator: ',' }), extractor({ index: 0, element_separator: ';' })],
  [
    inlineScope('first', 201, 'b', 'a,b'),
    inlineScope('second', 202, 'b', 'x,b'),
    inlineScope('of nothing', 203, '', ','),
    inlineScope('same key', 204, 'b', 'x,b'),
  ],
  [
    at('the first', 'x-scope: a,b'),
    at('a key that two have', 'x-scope: x,b'),
    at('empty', 'x-scope: ,'),
    at('more of both', 'x-scope: a,b;c'),
    at('no such scope', 'x-scope: a,c'),
    at('no such element', 'x-scope: a'),
    at('no such header'),
    at('an empty header', 'x-scope:'),
    at('two such headers', 'x-scope: a,b', 'x-scope: x,b'),
    at('the other order', 'x-scope: x,b', 'x-scope: a,b'),
    stats('http.in.no_route', 'http.in.downstream_rq_total', 'http.in.downstream_rq_4xx'),
    scopesDump(),
    scopesDump('resource=inline_scoped_route_configs'),
    scopesDump('name_regex=scope-f'),
  ],
);

const byElement = inline(
  'by element',
  [extractor({ element_separator: ';', element: { separator: '=', key: 'vip' } })],
  [
    inlineScope('first', 201, 'one'),
    inlineScope('with a separator', 202, 'a=b'),
    inlineScope('empty', 203, ''),
    inlineScope('two fragments', 204, 'a', 'b'),
  ],
  [
    at('the element', 'x-scope: a=b;vip=one;c=d'),
    at('its value with a separator', 'x-scope: vip=a=b'),
    at('its value with separators only', 'x-scope: vip='),
    at('the key alone', 'x-scope: vip'),
    at('the first of two', 'x-scope: vip=one;vip=a=b'),
    at('with a space', 'x-scope: a=b; vip=one'),
    at('in capitals', 'x-scope: VIP=one'),
    at('not there', 'x-scope: a=b'),
    at('what looks like two', 'x-scope: vip=["a","b"]'),
  ],
);

const pseudo = inline(
  'by the host',
  [{ header_value_extractor: { name: ':authority', index: 0, element_separator: ':' } }],
  [inlineScope('first', 201, 'example.com')],
  [
    at('its scope'),
    request('/', { host: 'example.com:80' }, 'with a port'),
    request('/', { host: 'other.com' }, 'of another'),
  ],
);

const plane = new ControlPlane();

export const scope = (name: string, routes: string, parts: string[], more: Json = {}): Json => ({
  '@type': api('config.route.v3.ScopedRouteConfiguration'),
  name,
  route_configuration_name: routes,
  key: keyOf(...parts),
  ...more,
});

export const came = (name: string, status: number): Json => ({
  '@type': api('config.route.v3.RouteConfiguration'),
  ...table(name, status),
});

export const discovered = (ports: Ports, way: Way, before: Json[] = []): Json =>
  scopedListener(
    ports,
    {
      scope_key_builder: { fragments: [extractor({ index: 0 })] },
      rds_config_source: sourceOf(way),
      scoped_rds: { scoped_rds_config_source: sourceOf(way) },
    },
    before,
  );

const ends = ['update_attempt', 'update_success', 'update_rejected', 'update_failure', 'init_fetch_timeout'];
const scopesCounted = stats(
  ...[...ends, 'version_text', 'config_reload', 'update_empty', 'all_scopes', 'active_scopes', 'on_demand_scopes'].map(
    name => `http.in.scoped_rds.scopes.${name}`,
  ),
  ...['one', 'two', 'late'].flatMap(name =>
    [...ends, 'version_text', 'config_reload', 'update_empty'].map(stat => `http.in.rds.${name}.${stat}`),
  ),
);

const byDiscovery = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: `scopes of routes by SRDS: ${way.name}`,
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [discovered(ports, way)]);
    server.publish('SRDS', 's1', [scope('a', 'one', ['a']), scope('b', 'two', ['b'])]);
    server.publish('RDS', 'r1', [came('one', 201), came('two', 202)]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    at('the first scope', 'x-scope: a'),
    at('the second scope', 'x-scope: b'),
    at('no such scope', 'x-scope: c'),
    named('counted at first', scopesCounted),
    named('the dump at first', scopesDump()),
    publish('a scope more, whose routes are not there', 'SRDS', 's2', [
      scope('a', 'one', ['a']),
      scope('b', 'two', ['b']),
      scope('c', 'late', ['c']),
    ]),
    at('it has no routes', 'x-scope: c'),
    named('counted while it waits', scopesCounted),
    publish('its routes', 'RDS', 'r2', [came('one', 201), came('two', 202), came('late', 203)]),
    at('it has them', 'x-scope: c'),
    publish('keys change', 'SRDS', 's3', [
      scope('a', 'one', ['d']),
      scope('b', 'two', ['a']),
      scope('c', 'late', ['c']),
    ]),
    at('the first has changed', 'x-scope: a'),
    at('the second has changed', 'x-scope: b'),
    at('another has come', 'x-scope: d'),
    publish('other routes of one', 'SRDS', 's4', [
      scope('a', 'late', ['d']),
      scope('b', 'two', ['a']),
      scope('c', 'late', ['c']),
    ]),
    at('it has the other routes', 'x-scope: d'),
    named('the routes that nobody has', stats('http.in.rds.one.update_success')),
    publish('the same again', 'SRDS', 's5', [
      scope('a', 'late', ['d']),
      scope('b', 'two', ['a']),
      scope('c', 'late', ['c']),
    ]),
    named('the dump after the same', scopesDump()),
    publish('two of one key', 'SRDS', 's6', [scope('a', 'late', ['d']), scope('z', 'two', ['d'])]),
    publish('no name of routes', 'SRDS', 's7', [
      scope('a', '', ['d']),
      scope('b', 'two', ['a']),
      scope('c', 'late', ['c']),
    ]),
    publish('no key', 'SRDS', 's8', [{ ...scope('a', 'late', []), key: {} }]),
    at('those before stay', 'x-scope: c'),
    named('counted after what cannot be', scopesCounted),
    publish('one goes', 'SRDS', 's9', [scope('a', 'late', ['d']), scope('b', 'two', ['a'])]),
    at('it is gone', 'x-scope: c'),
    at('the others are there', 'x-scope: d'),
    publish('none', 'SRDS', 's10', []),
    at('nobody is there', 'x-scope: d'),
    named('counted at last', scopesCounted),
    named('the dump at last', scopesDump()),
  ],
});

/** What listeners wait for. */
const waiting = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: `scopes that warm: ${way.name}`,
  beside: plane.beside(server => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', []);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    publish('a listener comes', 'LDS', 'l2', ({ ports }) => [discovered(ports, way)]),
    named('it waits for scopes', stats('listener_manager.total_listeners_warming')),
    publish('its scopes come', 'SRDS', 's1', [scope('a', 'one', ['a']), scope('b', 'two', ['b'])]),
    named('it waits for their routes', stats('listener_manager.total_listeners_warming')),
    publish('some routes come', 'RDS', 'r1', [came('one', 201)]),
    named('it waits for the others', stats('listener_manager.total_listeners_warming')),
    publish('the others come', 'RDS', 'r2', [came('one', 201), came('two', 202)]),
    { ...until('listener_manager.total_listeners_warming', 0), name: 'it has all' },
    at('it serves', 'x-scope: b'),
  ],
});

/** Envoy loses one of them: see the known differences. */
const changingPlaces = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: 'scopes that change places',
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [discovered(ports, way)]);
    server.publish('SRDS', 's1', [scope('a', 'one', ['a']), scope('b', 'two', ['b'])]);
    server.publish('RDS', 'r1', [came('one', 201), came('two', 202)]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    at('the first', 'x-scope: a'),
    asking('what it is asked at first'),
    publish('they change', 'SRDS', 's2', [scope('a', 'one', ['b']), scope('b', 'two', ['a'])]),
    at('the second has changed', 'x-scope: a'),
    at('the first has changed', 'x-scope: b'),
  ],
});

export const scopes: Scenario[] = [
  byIndex,
  byElement,
  pseudo,
  ...ways.map(way => byDiscovery(way)),
  ...ways.filter(({ aggregated }) => aggregated).map(way => waiting(way)),
  changingPlaces(ways[0]!),
];
