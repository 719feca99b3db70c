/** How clusters connect: from which address, ahead of need, so many to each host; and when connections go with the hosts. */
import { setTimeout as wait } from 'node:timers/promises';
import { DnsServer } from '../dns-server.ts';
import { accessLog, during, readStats, request, type Scenario, type Step, stats, together } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';

type Json = Record<string, unknown>;

const from = (host: string, port = 0): Json => ({ address: host, port_value: port });

const logFormat =
  '%REQ(:PATH)% %UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %RESPONSE_CODE% %RESPONSE_FLAGS%\n';
/** The kernel chooses ports. */
const withoutPort = (line: string): string => line.replaceAll(/(127\.\d+\.\d+\.\d+|\[::1\]):\d+/g, '$1');

const bound: Record<string, Json> = {
  plain: {},
  bound: { upstream_bind_config: { source_address: from('127.0.0.5') } },
  either: {
    upstream_bind_config: {
      source_address: from('::1'),
      extra_source_addresses: [{ address: from('127.0.0.6') }],
    },
  },
  older: {
    upstream_bind_config: { source_address: from('::1'), additional_source_addresses: [from('127.0.0.7')] },
  },
  strange: { upstream_bind_config: { source_address: from('192.0.2.1') } },
  six: { upstream_bind_config: { source_address: from('::1') } },
};

const counts = [
  'upstream_cx_total',
  'upstream_cx_connect_fail',
  'bind_errors',
  'upstream_rq_total',
  'upstream_cx_overflow',
  'upstream_cx_destroy_local',
];
const names = [...Object.keys(bound), 'ahead', 'few'];

const slow = (path: string, name: string): Step => request(path, {}, name);

export const upstreamConnections: Scenario = {
  name: 'connections to hosts',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: { access_log: [fileLog(log, logFormat)] },
      routes: [
        ...Object.keys(bound).map(name => route(`/${name}`, name)),
        route('/ahead', 'ahead'),
        ...['few', 'ahead'].map(name => route(`/slow-${name}`, name, { prefix_rewrite: '/silent', timeout: '0.5s' })),
        route('/few', 'few'),
      ],
      clusters: [
        ...Object.entries(bound).map(([name, more]) => cluster(name, [ports.raw], more)),
        cluster('ahead', [ports.raw], { preconnect_policy: { per_upstream_preconnect_ratio: 2 } }),
        cluster('few', [ports.raw], {
          circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }], thresholds: [{ track_remaining: true }] },
        }),
      ],
    }),
  steps: [
    ...Object.keys(bound).map(name => request(`/${name}`)),
    together('one after the other', [request('/ahead'), request('/ahead')]),
    stats('cluster.ahead.upstream_cx_total', 'cluster.ahead.upstream_cx_active'),
    during('one more at a time', slow('/slow-ahead', 'slow'), 'cluster.ahead.upstream_rq_active', '1', [
      request('/ahead'),
    ]),
    stats('cluster.ahead.upstream_cx_total', 'cluster.ahead.upstream_cx_active', 'cluster.ahead.upstream_rq_total'),
    during('two at a host of one', slow('/slow-few', 'slow'), 'cluster.few.upstream_rq_active', '1', [request('/few')]),
    accessLog(12, withoutPort),
    stats(...names.flatMap(name => counts.map(end => `cluster.${name}.${end}`))),
    stats('cluster.few.circuit_breakers.default.remaining_cx', 'cluster.few.upstream_rq_pending_total'),
  ],
};

const dns = new Map<string, DnsServer>();
const place = { socket_address: { protocol: 'UDP', address: '127.0.0.1' } };

const alive = (name: string): Step =>
  stats(
    `cluster.${name}.upstream_cx_active`,
    `cluster.${name}.upstream_cx_destroy_local`,
    `cluster.${name}.membership_total`,
  );

/** What becomes of connections to hosts that stay when others come. */
export const hostSetChanges: Scenario = {
  name: 'connections and other hosts',
  beside: async ({ nobody }) => {
    const server = new DnsServer();
    server.names.set('hosts.test', { a: ['127.0.0.1'] });
    await server.listen(nobody);
    dns.set('server', server);
    return () => server.close();
  },
  config: (ports, log) => {
    const named = (name: string, more: Json): Json => ({
      ...cluster(name, []),
      ...{ type: 'STRICT_DNS', dns_lookup_family: 'V4_ONLY', dns_refresh_rate: '0.1s' },
      dns_resolvers: [{ socket_address: { ...place.socket_address, port_value: ports.nobody } }],
      load_assignment: {
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: address(ports.raw, 'hosts.test') } }] }],
      },
      ...more,
    });
    return bootstrap(ports, log, {
      routes: [route('/closing', 'closing'), route('/', 'staying')],
      clusters: [
        named('closing', { common_lb_config: { close_connections_on_host_set_change: true } }),
        named('staying', {}),
      ],
    });
  },
  steps: [
    request('/closing'),
    request('/staying'),
    alive('closing'),
    alive('staying'),
    {
      name: 'another host comes',
      see: async ({ ports }) => {
        dns.get('server')!.names.set('hosts.test', { a: ['127.0.0.1', '127.0.0.2'] });
        const names = ['closing', 'staying'].map(name => `cluster.${name}.membership_total`);
        for (const until = Date.now() + 5000; Date.now() < until; await wait(20)) {
          const now = Object.values(await readStats(ports.admin, names));
          if (now.every(value => value === '2')) return now;
        }
        return 'never';
      },
    },
    alive('closing'),
    alive('staying'),
  ],
};
