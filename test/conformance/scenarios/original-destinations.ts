/** Clusters that ask whom the client meant, and listeners that hand connections to the one they were meant for. */
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, admin, raw, readStats, type Scenario, type Step, stats } from '../scenario.ts';
import { address, cluster, fileLog, route } from './configuration.ts';
import { chain } from './tls.ts';

type Json = Record<string, unknown>;

const type = (name: string): string => `type.googleapis.com/envoy.extensions.filters.${name}`;

const listenerFilter = (kind: string, name: string, more: Json = {}): Json => ({
  name: kind,
  typed_config: { '@type': type(`listener.${kind}.v3.${name}`), ...more },
});

const proxied = listenerFilter('proxy_protocol', 'ProxyProtocol', { allow_requests_without_proxy_protocol: true });

const toOriginal = (name: string, more: Json = {}, rest: Json = {}): Json => ({
  ...{ name, connect_timeout: '1s', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' },
  ...(Object.keys(more).length > 0 && { original_dst_lb_config: more }),
  ...rest,
});

const logFormat =
  '%REQ(:PATH)% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %RESPONSE_CODE% %RESPONSE_FLAGS%\n';

/** A connection that a proxy before this one says was meant for that address. */
const meant = (name: string, to: string, path: string, headers: string[] = [], close = false): Step => ({
  name,
  see: place => {
    const [host = '', port = ''] = to.replaceAll('RAW', String(place.ports.raw)).split(' ');
    const family = host.includes(':') ? 'TCP6 ::1' : 'TCP4 1.2.3.4';
    const lines = headers.map(line => `${line.replaceAll('RAW', String(place.ports.raw))}\r\n`);
    const head = to === '' ? '' : `PROXY ${family} ${host} 111 ${port}\r\n`;
    const step = raw(name, `${head}GET ${path} HTTP/1.1\r\nhost: a\r\n${lines.join('')}\r\n`, close);
    return step.see(place);
  },
});

/** Without the ports, which differ from run to run only in number. */
const hostLines = (name: string) => (body: string) =>
  body
    .split('\n')
    .filter(line => line.startsWith(`${name}::`) && /hostname|cx_total|weight|priority::|health_flags|added/.test(line))
    .sort();

const metadata: Json = {
  name: 'metadata',
  typed_config: {
    '@type': type('http.header_to_metadata.v3.Config'),
    request_rules: [
      { header: 'x-meant', on_header_present: { metadata_namespace: 'meant', key: 'for', type: 'STRING' } },
      { header: 'x-number', on_header_present: { metadata_namespace: 'meant', key: 'for', type: 'NUMBER' } },
    ],
  },
};
const router: Json = { name: 'router', typed_config: { '@type': type('http.router.v3.Router') } };

const names = ['plain', 'header', 'named', 'port', 'metadata', 'all', 'tcp'];

/** Until the hosts that nobody asks any more have gone. */
const cleaned: Step = {
  name: 'hosts that nobody asks go',
  see: async ({ ports }) => {
    const statistics = ['cluster.plain.membership_total', 'cluster.plain.upstream_cx_active'];
    const until = Date.now() + 10_000;
    for (;;) {
      const now = await readStats(ports.admin, statistics);
      if (Object.values(now).every(value => value === '0') || Date.now() > until) return now;
      await wait(100);
    }
  },
};

/** In no order: connections are logged when they end. */
const logged = accessLog(27);

export const originalDestinations: Scenario = {
  name: 'original destinations',
  config: (ports, log) => {
    const routes = [...names.map(name => route(`/${name}`, name)), route('/', 'plain')];
    const manager = {
      access_log: [fileLog(log, logFormat)],
      http_filters: [metadata, router],
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    };
    const key = { metadata_key: { key: 'meant', path: [{ key: 'for' }] } };
    const virtual = (name: string, host: string, port: number, filters: Json): Json => ({
      ...{ name, stat_prefix: name, bind_to_port: false, address: address(port, host) },
      ...filters,
    });
    const passing = {
      name: 'tcp',
      typed_config: {
        '@type': type('network.tcp_proxy.v3.TcpProxy'),
        ...{ stat_prefix: 'tcp', cluster: 'tcp', access_log: [fileLog(log, logFormat)] },
      },
    };
    const own = {
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'mine' } } }],
          },
        ],
      },
    };
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), use_original_dst: true },
            ...{ listener_filters: [proxied], filter_chains: [chain('main', undefined, {}, manager)] },
          },
          virtual('exact', '10.1.1.1', 80, {
            filter_chains: [chain('exact', undefined, {}, { ...own, access_log: manager.access_log })],
          }),
          virtual('same port', '0.0.0.0', 80, { filter_chains: [chain('wild', undefined, {}, own)] }),
          virtual('another port', '0.0.0.0', 81, {
            filter_chains: [
              chain(
                'within',
                { prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }], destination_port: 81 },
                {},
                own,
              ),
            ],
          }),
          virtual('sixth', '::', 82, { filter_chains: [chain('sixth', undefined, {}, own)] }),
          virtual('bytes', '0.0.0.0', ports.raw, { filter_chains: [{ filters: [passing] }] }),
        ],
        clusters: [
          toOriginal('plain', {}, { cleanup_interval: '0.3s', max_requests_per_connection: 1 }),
          toOriginal('header', { use_http_header: true }, { cleanup_interval: '60s' }),
          toOriginal('named', { use_http_header: true, http_header_name: 'x-meant-for' }, { cleanup_interval: '60s' }),
          toOriginal('port', { upstream_port_override: ports.raw }, { cleanup_interval: '60s' }),
          toOriginal('metadata', key, { cleanup_interval: '60s' }),
          toOriginal(
            'all',
            { ...key, use_http_header: true, upstream_port_override: ports.raw },
            { cleanup_interval: '60s' },
          ),
          toOriginal('tcp', {}, { cleanup_interval: '60s' }),
          cluster('echo', [ports.raw]),
        ],
      },
    };
  },
  steps: [
    meant('nobody says', '', '/plain'),
    meant('plain', '127.0.0.2 1', '/plain'),
    meant('where nobody is', '127.0.0.1 1', '/plain'),
    meant('to an upstream', '127.0.0.1 RAW', '/plain'),
    meant('by another address', '127.0.0.3 RAW', '/plain', [], true),
    meant('of the sixth version', '::1 1', '/port'),
    meant('an exact listener', '10.1.1.1 80', '/'),
    meant('a listener of the port', '10.1.1.2 80', '/'),
    meant('a chain of that listener', '10.1.1.2 81', '/'),
    meant('no chain of that listener', '11.1.1.2 81', '/', [], true),
    meant('a listener of the sixth version', '2001:db8::1 82', '/'),
    meant('the fourth at one of the sixth', '127.0.0.5 82', '/plain'),
    meant('by header', '', '/header', ['x-envoy-original-dst-host: 127.0.0.1:RAW']),
    meant('by header again', '127.0.0.1 1', '/header', ['x-envoy-original-dst-host: 127.0.0.1:RAW']),
    meant('by two headers', '', '/header', [
      'x-envoy-original-dst-host: 127.0.0.1:RAW',
      'x-envoy-original-dst-host: 127.0.0.1:1',
    ]),
    meant('no header', '127.0.0.2 1', '/header'),
    meant('a name', '', '/header', ['x-envoy-original-dst-host: localhost:RAW']),
    meant('no port', '', '/header', ['x-envoy-original-dst-host: 127.0.0.1']),
    meant('a port that is none', '', '/header', ['x-envoy-original-dst-host: 127.0.0.1:70000']),
    meant('nonsense, but meant', '127.0.0.2 1', '/header', ['x-envoy-original-dst-host: nonsense']),
    meant('of the sixth version by header', '', '/header', ['x-envoy-original-dst-host: [::1]:1']),
    meant('by a header of its own', '', '/named', ['x-meant-for: 127.0.0.1:RAW']),
    meant('by a header of no meaning', '', '/named', ['x-envoy-original-dst-host: 127.0.0.1:RAW']),
    meant('another port', '127.0.0.1 1', '/port'),
    meant('another port again', '127.0.0.1 2', '/port'),
    meant('by metadata', '', '/metadata', ['x-meant: 127.0.0.1:RAW']),
    meant('by metadata that are no address', '', '/metadata', ['x-meant: here']),
    meant('by metadata that are no text', '', '/metadata', ['x-number: 7']),
    meant('by no metadata', '127.0.0.2 1', '/metadata'),
    meant('by everything', '127.0.0.2 1', '/all', ['x-meant: 127.0.0.1:5', 'x-envoy-original-dst-host: 127.0.0.4:6']),
    meant('by header and address', '127.0.0.2 1', '/all', ['x-envoy-original-dst-host: 127.0.0.4:6']),
    { name: 'what is logged', see: async place => [...((await logged.see(place)) as string[])].sort() },
    ...names.map(name => admin(`/clusters?filter=^${name}$`, hostLines(name))),
    admin('/listeners', body => body.split('\n').sort()),
    cleaned,
    stats(
      ...names.flatMap(name =>
        ['original_dst_host_invalid', 'upstream_cx_none_healthy', 'upstream_cx_total', 'upstream_rq_total'].map(
          end => `cluster.${name}.${end}`,
        ),
      ),
      ...['main', 'exact', 'same port', 'another port', 'sixth', 'bytes'].flatMap(name =>
        ['downstream_cx_total', 'no_filter_chain_match', 'downstream_pre_cx_active'].map(
          end => `listener.${name}.${end}`,
        ),
      ),
      'listener_manager.total_listeners_active',
      'listener_manager.listener_create_success',
    ),
  ],
};
