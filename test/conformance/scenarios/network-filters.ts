/** Filters on connections: limits, access rules, and the two that answer by themselves. */
import { once } from 'node:events';
import { plainSocket } from '../exchange.ts';
import { accessLog, type Place, readStats, type Scenario, type Step, stats, together } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';

type Json = Record<string, unknown>;

const type = (name: string): string => `type.googleapis.com/envoy.extensions.filters.${name}`;
export const network = (name: string, said: Json = {}): Json => ({
  name: `envoy.filters.network.${name}`,
  typed_config: { '@type': type(`network.${name}`), ...said },
});

const logged =
  '%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %CONNECTION_TERMINATION_DETAILS% %REQUESTED_SERVER_NAME% %ACCESS_LOG_TYPE%\n';

export const tcp = (name: string, log: string, format = logged): Json =>
  network('tcp_proxy.v3.TcpProxy', { stat_prefix: name, cluster: 'raw', access_log: [fileLog(log, format)] });

export const manager = (name: string, log: string): Json =>
  network('http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    access_log: [fileLog(log, logged)],
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: name } } }],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': type('http.router.v3.Router') } }],
  });

export const limit = (name: string, said: Json = {}): Json =>
  network('connection_limit.v3.ConnectionLimit', { stat_prefix: name, max_connections: 1, ...said });

/** The listener's second address, which its chains are chosen by. */
export const hosts = (count: number): string[] => Array.from({ length: count }, (_, at) => `127.0.0.${at + 1}`);

/** One listener with a chain for each address of this machine. */
export const listening =
  (
    chains: (log: string, ports: Place['ports']) => Json[][],
    bootstrap: Json = {},
    clusters: (ports: Place['ports']) => Json[] = () => [],
  ) =>
  (ports: Place['ports'], log: string): Json => {
    const all = chains(log, ports);
    const ends = hosts(all.length);
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            name: 'main',
            address: address(ports.listener, '0.0.0.0'),
            stat_prefix: 'main',
            filter_chains: all.map((filters, at) => ({
              filter_chain_match: { prefix_ranges: [{ address_prefix: ends[at], prefix_len: 32 }] },
              filters,
            })),
          },
        ],
        clusters: [cluster('raw', [ports.raw]), ...clusters(ports)],
      },
      ...bootstrap,
    };
  };

export interface Talk {
  /** Which chain, from 0. */
  chain: number;
  /** What is sent; '' sends nothing. */
  send?: string;
  /** The sending half is closed then. */
  end?: boolean;
}

/** How long silence is taken for the end of what comes. */
const silenceMs = 500;

/** What a connection receives, and whether the other side closed it. */
export async function talk({ ports }: Place, { chain, send = '', end = false }: Talk): Promise<Json> {
  const socket = plainSocket(ports.listener, hosts(chain + 1)[chain]);
  let text = '';
  let ended = 'open';
  socket.on('data', chunk => {
    text += chunk.toString('latin1');
  });
  // What was sent and not read makes a reset of an end.
  for (const event of ['end', 'error'])
    socket.on(event, () => {
      ended = 'closed';
    });
  await once(socket, 'connect');
  if (send !== '') socket.write(send);
  if (end) socket.end();
  for (let before = ''; ; ) {
    await new Promise(resolve => setTimeout(resolve, silenceMs));
    if (before === text + ended) break;
    before = text + ended;
  }
  socket.destroy();
  return { text: text.replace(/date: .*\r\n/g, ''), ended };
}

export const talking = (name: string, said: Talk): Step => ({ name, see: place => talk(place, said) });

/** Waits until the listener has as many connections. */
async function settled({ ports }: Place, count: number): Promise<void> {
  const name = 'listener.main.downstream_cx_active';
  for (let tries = 0; tries < 200; tries++) {
    if ((await readStats(ports.admin, [name]))[name] === String(count)) return;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

/** The others while a connection is open on this chain. */
const holding = (name: string, chain: number, steps: Step[]): Step => ({
  name,
  see: async place => {
    await settled(place, 0);
    const socket = plainSocket(place.ports.listener, hosts(chain + 1)[chain]);
    await settled(place, 1);
    const seen = await together(name, steps).see(place);
    socket.destroy();
    await settled(place, 0);
    return seen;
  },
});

/** The access log, in no order: connections end when they do. */
export const logLines = (count: number, normalizeLine?: (line: string) => string): Step => ({
  name: 'the access log',
  see: async place => ((await accessLog(count, normalizeLine).see(place)) as string[]).sort(),
});

export const get = 'GET /echo HTTP/1.1\r\nhost: a\r\n\r\n';

export const connectionLimits: Scenario = {
  name: 'limits of connections',
  config: listening(log => [
    [limit('few'), tcp('few', log)],
    [limit('web'), manager('web', log)],
    [limit('slow', { delay: '0.2s' }), tcp('slow', log)],
    [limit('off', { runtime_enabled: { default_value: false, runtime_key: 'limit' } }), tcp('off', log)],
  ]),
  steps: [
    talking('one may come', { chain: 0, send: get }),
    holding('no second', 0, [
      talking('closed', { chain: 0, send: get }),
      stats('connection_limit.few.active_connections', 'listener.main.downstream_cx_active'),
    ]),
    talking('there is room again', { chain: 0, send: get }),
    holding('no second for HTTP', 1, [talking('closed', { chain: 1, send: get })]),
    talking('HTTP', { chain: 1, send: get }),
    holding('later', 2, [talking('closed after a while', { chain: 2, send: get })]),
    holding('switched off', 3, [talking('served', { chain: 3, send: get })]),
    stats(
      ...['few', 'web', 'slow'].flatMap(name => [
        `connection_limit.${name}.active_connections`,
        `connection_limit.${name}.limited_connections`,
      ]),
      ...['few', 'slow', 'off'].map(name => `tcp.${name}.downstream_cx_total`),
      ...['total', 'active', 'destroy', 'destroy_local', 'destroy_remote'].map(
        name => `http.web.downstream_cx_${name}`,
      ),
      'listener.main.downstream_cx_total',
    ),
    logLines(9),
  ],
};

export const rules = (policies: Json, action = 'ALLOW'): Json => ({ rules: { action, policies } });
export const policy = (permission: Json, principal: Json): Json => ({
  permissions: [permission],
  principals: [principal],
});
export const any: Json = { any: true };
const range = (prefix: string, length: number): Json => ({ address_prefix: prefix, prefix_len: length });
export const access = (name: string, said: Json): Json => network('rbac.v3.RBAC', { stat_prefix: name, ...said });

export const connectionRules: Scenario = {
  name: 'access rules for connections',
  config: listening((log, ports) => [
    [
      access('local', rules({ 'from here': policy(any, { direct_remote_ip: range('127.0.0.0', 8) }) })),
      tcp('local', log),
    ],
    [access('away', rules({ 'from there': policy(any, { source_ip: range('10.0.0.0', 8) }) })), tcp('away', log)],
    [
      access('no', rules({ 'not this port': policy({ destination_port: ports.listener }, any) }, 'DENY')),
      tcp('no', log),
    ],
    [access('web', rules({ none: policy({ not_rule: any }, any) })), manager('web', log)],
    [
      access('shadow', {
        shadow_rules: { policies: { far: policy(any, { remote_ip: range('10.0.0.0', 8) }) } },
        shadow_rules_stat_prefix: 'planned_',
        rules: { policies: { all: policy({ requested_server_name: { exact: '' } }, any) } },
        enforcement_type: 'CONTINUOUS',
      }),
      tcp('shadow', log),
    ],
    [access('empty', {}), tcp('empty', log)],
    [access('log', rules({ 'an entry': policy(any, any) }, 'LOG')), tcp('log', log)],
    [
      access('two', rules({ a: policy(any, any) })),
      access('two', rules({ b: policy({ not_rule: any }, any) })),
      limit('late', { max_connections: 5 }),
      tcp('two', log),
    ],
  ]),
  steps: [
    talking('allowed', { chain: 0, send: get }),
    talking('not from here', { chain: 1, send: get }),
    talking('who says nothing is not judged', { chain: 1 }),
    talking('nor who ends', { chain: 1, end: true }),
    talking('denied', { chain: 2, send: get }),
    talking('denied before HTTP', { chain: 3, send: get }),
    talking('shadow rules', { chain: 4, send: get + get }),
    talking('no rules', { chain: 5, send: get }),
    talking('log', { chain: 6, send: get }),
    talking('the second of two', { chain: 7, send: get }),
    stats(
      ...['local', 'away', 'no', 'web', 'shadow', 'empty', 'log', 'two'].flatMap(name => [
        ...['allowed', 'denied', 'shadow_allowed', 'shadow_denied'].map(counter => `${name}.rbac.${counter}`),
        `${name}.rbac.planned_.shadow_denied`,
        `tcp.${name}.downstream_cx_total`,
      ]),
      'connection_limit.late.active_connections',
      'connection_limit.late.limited_connections',
      'cluster.raw.upstream_cx_total',
      ...['total', 'destroy_local', 'destroy_remote'].map(name => `http.web.downstream_cx_${name}`),
      'listener.main.downstream_cx_active',
    ),
    logLines(9),
  ],
};

export const answeringFilters: Scenario = {
  name: 'filters that answer connections',
  config: listening(log => [
    [network('echo.v3.Echo')],
    [network('direct_response.v3.Config', { response: { inline_string: 'hello there\n' } })],
    [network('direct_response.v3.Config')],
    [limit('echo'), network('echo.v3.Echo')],
    [
      network('local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: 'bucket',
        token_bucket: { max_tokens: 2, fill_interval: '3600s' },
      }),
      tcp('rate', log),
    ],
    [
      network('local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: 'unused',
        token_bucket: { max_tokens: 1, fill_interval: '3600s' },
        runtime_enabled: { default_value: false, runtime_key: 'rate' },
      }),
      tcp('rate', log),
    ],
    [access('deny', rules({ none: policy({ not_rule: any }, any) })), network('echo.v3.Echo')],
    [
      access('late', rules({ none: policy({ not_rule: any }, any) })),
      network('direct_response.v3.Config', { response: { inline_string: 'hello' } }),
    ],
  ]),
  steps: [
    talking('echo', { chain: 0, send: 'some bytes' }),
    talking('echo of an end', { chain: 0, end: true }),
    talking('a greeting', { chain: 1 }),
    talking('a greeting whatever is said', { chain: 1, send: 'x' }),
    talking('no greeting', { chain: 2 }),
    holding('limited', 3, [talking('closed', { chain: 3, send: 'x' })]),
    ...[1, 2, 3].map(count => talking(`rate ${count}`, { chain: 4, send: get })),
    ...[1, 2].map(count => talking(`no rate ${count}`, { chain: 5, send: get })),
    talking('denied echo', { chain: 6, send: 'x' }),
    talking('denied greeting', { chain: 7, send: 'x' }),
    stats(
      'connection_limit.echo.active_connections',
      'connection_limit.echo.limited_connections',
      'local_rate_limit.bucket.rate_limited',
      'local_rate_limit.unused.rate_limited',
      'deny.rbac.denied',
      'tcp.rate.downstream_cx_total',
      'listener.main.downstream_cx_total',
      'listener.main.downstream_cx_active',
    ),
    logLines(5),
  ],
};
