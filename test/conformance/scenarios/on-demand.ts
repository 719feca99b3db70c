/** Virtual hosts and routes that are asked for when a request wants them. */
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { exchange } from '../exchange.ts';
import { accessLog, type Place, type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';
import { bootstrap, ControlPlane, grpc, listener, named, sourceOf, type Way, ways } from './control-plane-steps.ts';
import { api } from './discovery.ts';
import { scopedListener } from './scoped-routes.ts';

type Json = Record<string, unknown>;

const plane = new ControlPlane();

const filter = { name: 'on-demand', typed_config: { '@type': api('extensions.filters.http.on_demand.v3.OnDemand') } };
const routerFilter = { name: 'router', typed_config: { '@type': api('extensions.filters.http.router.v3.Router') } };

export const virtualHost = (host: string, status: number, more: Json = {}): Json => ({
  '@type': api('config.route.v3.VirtualHost'),
  name: `routes/${host}`,
  domains: [host],
  routes: [{ match: { prefix: '/' }, direct_response: { status, body: { inline_string: host } } }],
  ...more,
});

/** Changes only: there is no other way. */
const hostSource = (way: Way): Json =>
  way.aggregated && way.apiType === 'DELTA_GRPC'
    ? { ...sourceOf(way), initial_fetch_timeout: '0.5s' }
    : { resource_api_version: 'V3', initial_fetch_timeout: '0.5s', api_config_source: grpc('DELTA_GRPC') };

export const hostTable = (way: Way, hosts: Json[] = [], more: Json = {}): Json => ({
  '@type': api('config.route.v3.RouteConfiguration'),
  name: 'routes',
  virtual_hosts: hosts,
  vhds: { config_source: hostSource(way) },
  ...more,
});

export const { '@type': _, ...fixed } = virtualHost('fixed.com', 201);

const listening = (ports: Ports, way: Way, filters: Json[], more: Json = {}): Json => {
  const found = listener(ports, sourceOf(way)) as { filter_chains: { filters: { typed_config: Json }[] }[] } & Json;
  Object.assign(found.filter_chains[0]!.filters[0]!.typed_config, { http_filters: filters, ...more });
  return found;
};

/** A listener that asks for virtual hosts. */
export const demanding = (ports: Ports, way: Way, more: Json = {}): Json =>
  listening(ports, way, [filter, routerFilter], more);

const to = (host: string, name: string, method = 'GET', body = ''): Step => request('/', { host, method, body }, name);

/** A step: a request waits while something is published. */
const held = (name: string, host: string, act: (place: Place) => void, method = 'GET', body = ''): Step => ({
  name,
  see: async place => {
    const length = body === '' ? '' : `content-length: ${body.length}\r\n`;
    const text = `${method} / HTTP/1.1\r\nhost: ${host}\r\n${length}\r\n${body}`;
    const answer = exchange(place.ports.listener, text, false, 5000).catch((error: Error) => error.message);
    await until('http.in.downstream_rq_active', 1).see(place);
    await wait(200);
    act(place);
    const got = await answer;
    return typeof got === 'string' ? got : [got.head[0], got.body];
  },
});

const ends = ['update_attempt', 'update_success', 'update_rejected', 'update_failure', 'init_fetch_timeout'];
const counted = stats(
  ...[...ends, 'version_text', 'config_reload', 'update_empty'].map(name => `http.in.rds.vhds.routes.${name}`),
  ...[...ends, 'version_text', 'config_reload', 'update_empty'].map(name => `http.in.rds.routes.${name}`),
  ...['downstream_rq_total', 'downstream_rq_completed', 'downstream_rq_2xx', 'no_route'].map(name => `http.in.${name}`),
);

const dynamicRoutes: Step = {
  name: 'routes in the dump',
  see: async ({ ports }) => {
    const body = await (
      await fetch(`http://127.0.0.1:${ports.admin}/config_dump?resource=dynamic_route_configs`)
    ).text();
    return JSON.parse(body.replaceAll(/"last_updated": "[^"]*"/g, '"last_updated": "then"'));
  },
};

const onDemand = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: `virtual hosts on demand: ${way.name}`,
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [demanding(ports, way)]);
    server.publish('RDS', 'r1', [hostTable(way, [fixed])]);
    server.publish('VHDS', 'v1', [virtualHost('one.com', 202)]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    to('fixed.com', 'a host of the routes'),
    named('counted at first', counted),
    to('one.com', 'a host that is asked for'),
    asking('it was asked for'),
    to('ONE.com', 'again, in capitals'),
    asking('it was not asked for again'),
    named('counted then', counted),
    dynamicRoutes,
    held('a host that comes later', 'two.com', () =>
      plane.server.publish('VHDS', 'v2', [virtualHost('one.com', 202), virtualHost('two.com', 203)]),
    ),
    asking('that one was asked for'),
    held(
      'a request with a body',
      'three.com',
      () =>
        plane.server.publish('VHDS', 'v3', [
          virtualHost('one.com', 202),
          virtualHost('two.com', 203),
          virtualHost('three.com', 206),
        ]),
      'POST',
      'some body',
    ),
    asking('for the body'),
    {
      name: 'a host that is not there',
      see: async place => {
        plane.server.unknown.add('routes/four.com');
        return to('four.com', '').see(place);
      },
    },
    asking('that was asked for, too'),
    to('four.com', 'again'),
    asking('it is asked for again'),
    publish('a host that nobody has asked for', 'VHDS', 'v4', [
      ...[virtualHost('one.com', 202), virtualHost('two.com', 203), virtualHost('three.com', 206)],
      virtualHost('five.com', 207, { domains: ['five.com', 'www.five.com'] }),
    ]),
    {
      name: 'a host by another name',
      see: async place => {
        plane.server.aliases.set('routes/five.com', ['routes/www.five.com', 'routes/alias.five.com']);
        return to('www.five.com', '').see(place);
      },
    },
    asking('the other name was asked for'),
    to('alias.five.com', 'a name that is no domain of it'),
    asking('that name was asked for'),
    named('counted after all that', counted),
    publish('a host changes', 'VHDS', 'v5', [
      ...[virtualHost('one.com', 208), virtualHost('two.com', 203), virtualHost('three.com', 206)],
      virtualHost('five.com', 207, { domains: ['five.com', 'www.five.com'] }),
    ]),
    to('one.com', 'it has changed'),
    publish('one that cannot be', 'VHDS', 'v6', [
      virtualHost('one.com', 99),
      ...[virtualHost('two.com', 203), virtualHost('three.com', 206)],
      virtualHost('five.com', 207, { domains: ['five.com', 'www.five.com'] }),
    ]),
    to('one.com', 'the one before stays'),
    publish('other routes', 'RDS', 'r2', [
      hostTable(way, [], { response_headers_to_add: [{ header: { key: 'x-new', value: 'yes' } }] }),
    ]),
    to('one.com', 'a host that came, among them'),
    to('two.com', 'another'),
    asking('after other routes'),
    publish('hosts go', 'VHDS', 'v7', [virtualHost('two.com', 203)]),
    to('two.com', 'the one that stays'),
    to('three.com', 'one that is gone'),
    asking('whether that was asked for'),
    publish('one comes back', 'VHDS', 'v8', [virtualHost('two.com', 203), virtualHost('three.com', 209)]),
    to('three.com', 'it is there'),
    named('counted at last', counted),
    publish('no hosts on demand', 'RDS', 'r3', [
      { '@type': api('config.route.v3.RouteConfiguration'), name: 'routes', virtual_hosts: [fixed] },
    ]),
    to('fixed.com', 'a host of these routes'),
    to('two.com', 'one that had come'),
    named('counted without', counted),
  ],
});

/** Envoy and ours alike say nothing of who waits. */
const patience = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: 'requests that wait for virtual hosts',
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [demanding(ports, way, { stream_idle_timeout: '0.7s' })]);
    server.publish('RDS', 'r1', [hostTable(way, [fixed])]);
    server.publish('VHDS', 'v1', []);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    to('one.com', 'nobody answers'),
    to('one.com', 'nobody answers, with a body', 'POST', 'some body'),
    asking('it was asked for once'),
    {
      name: 'a client that goes away',
      see: async ({ ports }) => {
        const socket = connect(ports.listener, '127.0.0.1');
        socket.write('GET / HTTP/1.1\r\nhost: two.com\r\n\r\n');
        await until('http.in.downstream_rq_active', 1).see({ ports } as Place);
        socket.destroy();
        await until('http.in.downstream_rq_active', 0).see({ ports } as Place);
      },
    },
    asking('that one was asked for, too'),
    {
      name: 'two at once',
      see: async ({ ports }) => {
        const text = 'GET / HTTP/1.1\r\nhost: three.com\r\n\r\n';
        const answers = [1, 2].map(() => exchange(ports.listener, text, false, 3000));
        await until('http.in.downstream_rq_active', 2).see({ ports } as Place);
        plane.server.publish('VHDS', 'v2', [virtualHost('three.com', 203)]);
        return (await Promise.all(answers)).map(({ head }) => head[0]);
      },
    },
    asking('it was asked for once for both'),
    publish('two virtual hosts of one domain', 'VHDS', 'v3', [
      virtualHost('three.com', 203),
      virtualHost('two.com', 204, { domains: ['three.com'] }),
    ]),
    to('three.com', 'the one before stays'),
    publish('virtual hosts by the state of the world', 'RDS', 'r2', [
      hostTable(way, [fixed], {
        vhds: { config_source: { resource_api_version: 'V3', api_config_source: grpc('GRPC') } },
      }),
    ]),
    to('three.com', 'it stays still'),
    stats(
      ...['downstream_rq_total', 'downstream_rq_idle_timeout', 'downstream_rq_rx_reset', 'no_route'].map(
        name => `http.in.${name}`,
      ),
      'http.in.rds.vhds.routes.update_rejected',
      'http.in.rds.routes.update_rejected',
    ),
  ],
});

let log = '';

const headerMutation = (mutations: Json = {}): Json => ({
  '@type': api('extensions.filters.http.header_mutation.v3.HeaderMutation'),
  mutations,
});

/** What virtual hosts that were asked for say to filters, also to those that have seen the request before. */
const filtersOfHosts = (way: Way): Scenario => ({
  name: 'filters of virtual hosts on demand',
  beside: plane.beside((server, ports) => {
    const format = '%REQ(:AUTHORITY)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED%\n';
    const file = {
      '@type': api('extensions.access_loggers.file.v3.FileAccessLog'),
      path: log,
      log_format: { text_format_source: { inline_string: format } },
    };
    const mutation = (name: string): Json => ({ name, typed_config: headerMutation() });
    const filters = [mutation('before'), filter, mutation('after'), routerFilter];
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [
      listening(ports, way, filters, { access_log: [{ name: 'file', typed_config: file }] }),
    ]);
    server.publish('RDS', 'r1', [hostTable(way, [fixed])]);
    const adds = (key: string): Json => ({
      '@type': api('extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute'),
      mutations: { response_mutations: [{ append: { header: { key, value: 'yes' } } }] },
    });
    const typed_per_filter_config = { before: adds('x-before'), after: adds('x-after') };
    server.publish('VHDS', 'v1', [
      virtualHost('one.com', 202, { typed_per_filter_config }),
      virtualHost('two.com', 203, { typed_per_filter_config }),
    ]);
  }),
  config: (ports, accessLogFile) => {
    log = accessLogFile;
    return bootstrap(ports, way);
  },
  steps: [
    to('one.com', 'asked for'),
    to('one.com', 'there'),
    to('two.com', 'asked for, with a body', 'POST', 'some body'),
    to('two.com', 'there, with a body', 'POST', 'some body'),
    accessLog(4),
    stats('http.in.downstream_rq_total', 'http.in.downstream_rq_completed'),
  ],
});

/** A step: a request to a scope. */
const ofScope = (scope: string, name: string): Step => request('/', { headers: [`x-scope: ${scope}`] }, name);

const scope = (key: string, more: Json = {}): Json => ({
  '@type': api('config.route.v3.ScopedRouteConfiguration'),
  name: `scope-${key}`,
  route_configuration_name: `routes-${key}`,
  key: { fragments: [{ string_key: key }] },
  ...more,
});

const came = (key: string, status: number): Json => ({
  '@type': api('config.route.v3.RouteConfiguration'),
  name: `routes-${key}`,
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status } }] }],
});

const scopesCounted = stats(
  ...['update_success', 'config_reload', 'all_scopes', 'active_scopes', 'on_demand_scopes'].map(
    name => `http.in.scoped_rds.scopes.${name}`,
  ),
  ...['update_attempt', 'update_success', 'config_reload'].map(name => `http.in.rds.routes-b.${name}`),
  ...['downstream_rq_total', 'no_route'].map(name => `http.in.${name}`),
);

const onDemandScopes = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: `scopes on demand: ${way.name}`,
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    const fragments = [{ header_value_extractor: { name: 'x-scope', index: 0 } }];
    const scoped = {
      scope_key_builder: { fragments },
      rds_config_source: sourceOf(way),
      scoped_rds: { scoped_rds_config_source: sourceOf(way) },
    };
    server.publish('LDS', 'l1', [scopedListener(ports, scoped, [filter])]);
    server.publish('SRDS', 's1', [scope('a'), scope('b', { on_demand: true }), scope('c', { on_demand: true })]);
    server.publish('RDS', 'r1', [came('a', 201), came('b', 202)]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    ofScope('a', 'a scope that is there'),
    named('counted at first', scopesCounted),
    ofScope('b', 'one on demand'),
    asking('it was asked for'),
    ofScope('b', 'again'),
    ofScope('x', 'no such scope'),
    asking('nothing was asked for'),
    named('counted then', scopesCounted),
    {
      name: 'one whose routes come later',
      see: async ({ ports }) => {
        const answer = exchange(ports.listener, 'GET / HTTP/1.1\r\nhost: a\r\nx-scope: c\r\n\r\n', false, 3000);
        await until('http.in.scoped_rds.scopes.active_scopes', 3).see({ ports } as Place);
        plane.server.publish('RDS', 'r2', [came('a', 201), came('b', 202), came('c', 203)]);
        return (await answer).head[0];
      },
    },
    asking('that was asked for'),
    publish('one changes', 'SRDS', 's2', [
      scope('a'),
      scope('b', { on_demand: true, route_configuration_name: 'routes-a' }),
      scope('c', { on_demand: true }),
    ]),
    ofScope('b', 'it has other routes'),
    named('counted at last', scopesCounted),
  ],
});

export const onDemandHosts: Scenario[] = [
  ...ways.map(way => onDemand(way)),
  patience(ways[2]!),
  filtersOfHosts(ways[2]!),
  onDemandScopes(ways[0]!),
  onDemandScopes(ways[2]!),
];
