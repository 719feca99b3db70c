/** Unix domain sockets: clients that come by them, hosts behind them, and the admin interface on one. */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { exchange } from '../exchange.ts';
import {
  accessLog,
  admin,
  normalize,
  type Place,
  type Ports,
  readStats,
  request,
  type Scenario,
  type Step,
  stats,
} from '../scenario.ts';
import { until } from './answers.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { folderOf, put, response, source } from './discovery.ts';
import { abstractPath, forward, hostPath, several } from './piped-hosts.ts';
import { authority, named, served, spoken } from './tls-steps.ts';

type Json = Record<string, unknown>;

const pipe = (path: string, more: Json = {}): Json => ({ pipe: { path, ...more } });

/** A cluster with a host at a path. */
const piped = (name: string, path: string, more: Json = {}, endpoint: Json = {}): Json =>
  cluster(name, [], {
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: pipe(path), ...endpoint } }] }],
    },
    ...more,
  });

const within = (place: Place, name: string): string => join(folderOf(place), name);

/** Where clients connect to. */
const ways = {
  main: (place: Place) => within(place, 'in.sock'),
  edge: (place: Place) => within(place, 'edge.sock'),
  abstract: ({ ports }: Place) => abstractPath(ports, 'in'),
};
type Way = keyof typeof ways;

/** A step: one request by a pipe. */
function asked(path: string, way: Way, headers: string[] = []): Step {
  const bytes = [`GET ${path} HTTP/1.1`, 'host: example.com', ...headers, '', ''].join('\r\n');
  return {
    name: `${[path, ...headers].join(' ')} by ${way}`,
    see: async place => {
      const open = () => connect({ path: ways[way](place).replace(/^@/, '\0') });
      return normalize(await exchange(0, bytes, false, undefined, open));
    },
  };
}

/** The same without the ports of clients. */
const withoutPorts = ({ name, see }: Step): Step => ({
  name,
  see: async place => JSON.parse(JSON.stringify(await see(place)).replace(/127\.0\.0\.1:\d+/g, '<address>')) as unknown,
});

/** A step: which files there are, and who may use them. */
const modes = (...names: string[]): Step => ({
  name: `the modes of ${names.join(', ')}`,
  see: place =>
    Promise.resolve(
      names.map(name => {
        const found = statSync(within(place, name));
        return [name, found.isSocket(), (found.mode & 0o777).toString(8)];
      }),
    ),
});

const addressOperators = [
  ...['DOWNSTREAM_REMOTE', 'DOWNSTREAM_DIRECT_REMOTE', 'DOWNSTREAM_LOCAL', 'DOWNSTREAM_DIRECT_LOCAL'],
  ...['UPSTREAM_REMOTE', 'UPSTREAM_LOCAL'],
].flatMap(name => [`%${name}_ADDRESS%`, `%${name}_ADDRESS_WITHOUT_PORT%`, `%${name}_PORT%`]);

const operators = [
  ...addressOperators,
  ...['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%', '%UPSTREAM_HOST%', '%UPSTREAM_HOST_NAME%'],
  ...[
    '%UPSTREAM_HOST_NAME_WITHOUT_PORT%',
    '%RESPONSE_CODE%',
    '%RESPONSE_FLAGS%',
    '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  ],
  ...['%RESPONSE_CODE_DETAILS%', '%UPSTREAM_TLS_VERSION%', '%CEL(source.address)%', '%CEL(source.port)%'],
  ...['%CEL(destination.address)%', '%CEL(upstream.address)%', '%CEL(upstream.port)%'],
];

const jsonLog = (path: string): Json => ({
  name: 'json',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path,
    log_format: { json_format: Object.fromEntries(operators.map(text => [text.replaceAll('%', ''), text])) },
  },
});

const names = ['echo', 'two', 'secured', 'bytes', 'abstract', 'gone', 'dead', 'came', 'checked', 'bound'];

const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

const clusters = (ports: Ports, folder: string): Json[] => [
  piped('echo', hostPath(ports, 'raw')),
  piped('two', hostPath(ports, 'http2'), http2, { hostname: 'two.example' }),
  piped(
    'secured',
    join(folder, 'tls.sock'),
    spoken({ validation: { trusted_ca: authority, ...named('DNS', 'one.example') }, more: { sni: 'one.example' } }),
  ),
  piped('bytes', join(folder, 'bytes.sock')),
  piped('abstract', abstractPath(ports, 'raw')),
  piped('gone', join(folder, 'gone.sock'), {}, { hostname: 'gone.example' }),
  piped('dead', abstractPath(ports, 'dead')),
  cluster('came', [], {
    type: 'EDS',
    load_assignment: undefined,
    eds_cluster_config: { eds_config: source(folder, 'eds') },
  }),
  piped('checked', hostPath(ports, 'raw'), {
    health_checks: [
      {
        timeout: '1s',
        interval: '0.3s',
        healthy_threshold: 1,
        unhealthy_threshold: 1,
        http_health_check: { path: '/own' },
      },
    ],
  }),
  piped('bound', hostPath(ports, 'raw'), {
    upstream_bind_config: { source_address: { address: '127.0.0.1', port_value: 0 } },
  }),
];

const filtersOf = (clusterName: string): Json[] => [
  {
    name: 'tcp',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      stat_prefix: 'bytes',
      cluster: clusterName,
    },
  },
];

/** The configuration, with the manager on pipes. */
function onPipes(ports: Ports, log: string): Json {
  const folder = dirname(log);
  put(folder, 'eds', response('e1', [assignment('came', hostPath(ports, 'raw'))]));
  // What lies there is in nobody's way.
  rmSync(join(folder, 'in.sock'), { force: true });
  writeFileSync(join(folder, 'in.sock'), 'something');
  const told = { header: { key: 'x-remote', value: '%DOWNSTREAM_REMOTE_ADDRESS%' } };
  const base = bootstrap(ports, log, {
    routes: [...names.map(name => route(`/${name}/`, name, { prefix_rewrite: '/' })), route('/', 'echo')],
    bootstrap: { node: { id: 'proxy', cluster: 'proxies' } },
    routeConfiguration: { request_headers_to_add: [told] },
    clusters: clusters(ports, folder),
    manager: {
      access_log: [fileLog(log, `${operators.join('|')}\n`), jsonLog(log)],
      use_remote_address: true,
      internal_address_config: { unix_sockets: true },
    },
  }) as { static_resources: { listeners: Json[] } };
  const [listener] = base.static_resources.listeners;
  const edge = JSON.parse(JSON.stringify(listener)) as Json;
  const [chain] = edge.filter_chains as { filters: { typed_config: Json }[] }[];
  delete chain!.filters[0]!.typed_config.internal_address_config;
  const matched = [
    {
      name: 'ranges',
      filter_chain_match: {
        prefix_ranges: [{ address_prefix: '255.0.0.0', prefix_len: 8 }],
        source_type: 'SAME_IP_OR_LOOPBACK',
      },
      filters: filtersOf('echo'),
    },
    { name: 'others', filters: filtersOf('gone') },
  ];
  base.static_resources.listeners = [
    { ...listener, stat_prefix: 'tcp' },
    { ...listener, name: 'piped', address: pipe(join(folder, 'in.sock'), { mode: 0o640 }) },
    { ...edge, name: 'edge', stat_prefix: 'edge', address: pipe(join(folder, 'edge.sock'), { mode: 0o666 }) },
    { ...listener, name: 'abstract', address: pipe(abstractPath(ports, 'in')) },
    {
      name: 'tls',
      address: pipe(join(folder, 'tls.sock')),
      filter_chains: [{ filters: filtersOf('echo'), ...served({ certificates: ['one'] }) }],
    },
    { name: 'bytes', address: pipe(join(folder, 'bytes.sock')), filter_chains: matched },
  ];
  return base;
}

const assignment = (name: string, path: string): Json => ({
  '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: pipe(path) } }] }],
});

/** What `/clusters` tells of one, as both forms have it. */
const told = (name: string): Step[] => [
  admin(`/clusters?filter=^${name}$`, body =>
    body
      .split('\n')
      .filter(line => !/_priority::/.test(line))
      .sort(),
  ),
  admin(`/clusters?filter=^${name}$&format=json`, body => {
    const [found] = (JSON.parse(body) as { cluster_statuses: Json[] }).cluster_statuses;
    return found!.host_statuses;
  }),
];

const endpoints = admin('/config_dump?include_eds', body => {
  const { configs } = JSON.parse(body) as { configs: Json[] };
  const found = configs.find(config => String(config['@type']).includes('Endpoints'))!;
  return JSON.stringify(found)
    .match(/\{"pipe":\{[^}]*\}\}/g)
    ?.sort();
});

export const pipes: Scenario = {
  name: 'pipes',
  config: onPipes,
  beside: ports =>
    several(
      forward(hostPath(ports, 'raw'), ports.raw),
      forward(abstractPath(ports, 'raw').replace('@', '\0'), ports.raw),
      forward(hostPath(ports, 'http2'), ports.http2),
    ),
  steps: [
    modes('in.sock', 'edge.sock'),
    admin('/listeners'),
    admin('/listeners?format=json'),
    until('cluster.checked.health_check.success', 1),
    asked('/echo/echo', 'main'),
    asked('/echo/echo', 'main', ['x-forwarded-for: 1.2.3.4', 'x-envoy-max-retries: 2']),
    asked('/echo/echo', 'edge', ['x-envoy-max-retries: 2']),
    asked('/echo/echo', 'edge', ['x-forwarded-for: 1.2.3.4']),
    asked('/echo/echo', 'abstract'),
    withoutPorts(request('/echo/echo')),
    asked('/two/', 'main'),
    asked('/secured/echo', 'main'),
    asked('/bytes/echo', 'main'),
    asked('/abstract/echo', 'main'),
    asked('/gone/', 'main'),
    asked('/dead/', 'main'),
    asked('/came/echo', 'main'),
    asked('/checked/echo', 'main'),
    asked('/bound/echo', 'main'),
    accessLog(30, line => line.replace(/127\.0\.0\.1:\d+\b/g, '<address>').replace(/([|":])\d{5}\b/g, '$1<port>')),
    ...told('echo'),
    ...told('gone'),
    ...told('came'),
    endpoints,
    stats(
      ...['tcp', 'edge'].map(name => `listener.${name}.downstream_cx_total`),
      ...names.flatMap(name => [
        `cluster.${name}.upstream_cx_total`,
        `cluster.${name}.upstream_cx_connect_fail`,
        `cluster.${name}.upstream_rq_total`,
      ]),
    ),
    {
      name: 'statistics of listeners on pipes',
      see: async place => {
        const all = [ways.main(place), ways.abstract(place), within(place, 'tls.sock'), within(place, 'bytes.sock')];
        return readStats(
          place.ports.admin,
          all.map(path => `listener.${path}.downstream_cx_total`),
        );
      },
    },
  ],
};

const adminPath = (ports: Ports): string => hostPath(ports, 'admin');

export const pipedAdmin: Scenario = {
  name: 'the admin interface on a pipe',
  config: (ports, log) => ({
    ...bootstrap(ports, log, { routes: [route('/', 'echo')], clusters: [cluster('echo', [ports.raw])] }),
    admin: { address: pipe(adminPath(ports), { mode: 0o600 }) },
  }),
  beside: ports => forward(ports.admin, adminPath(ports)),
  steps: [
    {
      name: 'its mode',
      see: ({ ports }) => Promise.resolve((statSync(adminPath(ports)).mode & 0o777).toString(8)),
    },
    admin('/ready'),
    request('/echo'),
    stats('cluster.echo.upstream_rq_total'),
    admin('/quitquitquit', undefined, 'POST'),
    {
      name: 'the file stays',
      see: async ({ ports, running }) => {
        await running.ended(10_000);
        const stays = statSync(adminPath(ports)).isSocket();
        rmSync(adminPath(ports));
        return stays;
      },
    },
  ],
};

/** A step: so many requests by a pipe, each on a connection of its own. */
const often = (count: number, way: Way): Step => ({
  name: `${count} connections by ${way}`,
  see: async place => {
    const statuses: Record<string, number> = {};
    const step = asked('/echo', way);
    for (let i = 0; i < count; i++) {
      const { head } = (await step.see(place)) as { head: string[] };
      statuses[head[0] ?? 'none'] = (statuses[head[0] ?? 'none'] ?? 0) + 1;
    }
    return statuses;
  },
});

export const pipesOfWorkers: Scenario = {
  name: 'pipes of two workers',
  args: ['--concurrency', '2'],
  config: (ports, log) => {
    const base = bootstrap(ports, log, {
      routes: [route('/', 'echo')],
      clusters: [piped('echo', hostPath(ports, 'raw'))],
    }) as { static_resources: { listeners: Json[] } };
    const [listener] = base.static_resources.listeners;
    const path = join(dirname(log), 'in.sock');
    base.static_resources.listeners = [
      { ...listener, stat_prefix: 'main', additional_addresses: [{ address: pipe(path, { mode: 0o600 }) }] },
    ];
    return base;
  },
  beside: ports => forward(hostPath(ports, 'raw'), ports.raw),
  steps: [
    modes('in.sock'),
    often(30, 'main'),
    request('/echo'),
    stats('listener.main.downstream_cx_total', 'cluster.echo.upstream_rq_total'),
    {
      name: 'what workers count adds up',
      see: async ({ ports }) => {
        const counted = [0, 1].map(worker => `listener.main.worker_${worker}.downstream_cx_total`);
        const [first = 0, second = 0] = Object.values(await readStats(ports.admin, counted)).map(Number);
        return first + second;
      },
    },
  ],
};
