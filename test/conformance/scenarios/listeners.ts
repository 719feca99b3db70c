import { accessLog, admin, raw, request, type Scenario, stats, together } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';

type Json = Record<string, unknown>;

const type = (name: string) => `type.googleapis.com/envoy.extensions.filters.${name}`;

/** A chain that answers every request with its name. */
function answering(name: string, match?: Json): Json {
  const manager = {
    '@type': type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: name,
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
  };
  const chain = { filters: [{ name: 'manager', typed_config: manager }] };
  return match === undefined ? chain : { ...chain, filter_chain_match: match };
}

const range = (prefix: string, length: number) => ({ address_prefix: prefix, prefix_len: length });

/** Several chains of one listener: the order of criteria, the most specific value, no way back, none at all. */
export const chainMatches: Scenario = {
  name: 'filter chain matches',
  config: ports => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          name: 'narrow',
          address: address(ports.listener),
          stat_prefix: 'narrow',
          filter_chains: [
            answering('other port', { destination_port: 1 }),
            answering('wide', { prefix_ranges: [range('127.0.0.0', 8)] }),
            answering('narrow', { prefix_ranges: [range('127.0.0.0', 24)], source_type: 'SAME_IP_OR_LOOPBACK' }),
            answering('elsewhere', { source_prefix_ranges: [range('10.0.0.0', 8)] }),
          ],
        },
        {
          name: 'none',
          address: address(ports.nobody),
          stat_prefix: 'none',
          filter_chains: [
            answering('wide', { prefix_ranges: [range('127.0.0.0', 8)] }),
            answering('foreign', { prefix_ranges: [range('127.0.0.0', 24)], source_type: 'EXTERNAL' }),
          ],
        },
      ],
    },
  }),
  steps: [
    request('/'),
    {
      name: 'no chain: closed without an answer',
      see: place => request('/').see({ ...place, ports: { ...place.ports, listener: place.ports.nobody } }),
    },
    stats(
      'listener.none.no_filter_chain_match',
      'listener.none.downstream_cx_total',
      'listener.none.downstream_cx_active',
      'listener.narrow.no_filter_chain_match',
      'listener.narrow.downstream_cx_total',
      'http.narrow.downstream_rq_total',
      'http.wide.downstream_rq_total',
    ),
  ],
};

/** A listener that has no chain but the one for all others. */
export const defaultChain: Scenario = {
  name: 'a default filter chain alone',
  config: ports => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        { name: 'main', address: address(ports.listener), default_filter_chain: answering('all the rest') },
        {
          name: 'other',
          address: address(ports.nobody),
          filter_chains: [answering('first', { destination_port: 1 })],
          default_filter_chain: answering('second'),
        },
      ],
    },
  }),
  steps: [
    request('/'),
    admin('/config_dump?resource=static_route_configs', body => {
      const { configs } = JSON.parse(body) as { configs: { route_config: Json }[] };
      return configs.map(({ route_config: { virtual_hosts: hosts } }) => JSON.stringify(hosts)).sort();
    }),
  ],
};

const clusterStats = (name: string) =>
  `upstream_cx_total upstream_cx_active upstream_cx_connect_fail upstream_cx_connect_attempts_exceeded upstream_cx_none_healthy
upstream_cx_http1_total upstream_rq_total upstream_rq_active upstream_rq_pending_total upstream_rq_pending_active
upstream_rq_pending_failure_eject upstream_cx_rx_bytes_total upstream_cx_tx_bytes_total`
    .split(/\s+/)
    .map(stat => `cluster.${name}.${stat}`);

/** TCP proxies: to a host, to one that is not there, to a cluster without hosts. */
export const tcpProxies: Scenario = {
  name: 'TCP proxies',
  config: (ports, log) => {
    const format =
      '%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %ACCESS_LOG_TYPE%\n';
    const proxy = (name: string, prefix: Json | undefined, more: Json) => ({
      ...(prefix === undefined ? {} : { filter_chain_match: prefix }),
      filters: [
        {
          name: 'tcp',
          typed_config: {
            '@type': type('network.tcp_proxy.v3.TcpProxy'),
            stat_prefix: name,
            access_log: [fileLog(log, format)],
            ...more,
          },
        },
      ],
    });
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            name: 'main',
            address: address(ports.listener),
            filter_chains: [proxy('other', { destination_port: 1 }, { cluster: 'raw' })],
            default_filter_chain: proxy('up', undefined, {
              weighted_clusters: { clusters: [{ name: 'raw', weight: 1 }] },
              idle_timeout: '0.3s',
            }),
          },
          {
            name: 'down',
            address: address(ports.nobody),
            filter_chains: [proxy('down', undefined, { cluster: 'gone', max_connect_attempts: 3 })],
          },
        ],
        clusters: [cluster('raw', [ports.raw]), cluster('gone', [1])],
      },
    };
  },
  steps: [
    raw('bytes go both ways', 'GET /echo HTTP/1.1\r\nhost: a\r\n\r\n'),
    raw('the host ends', 'GET /until-close HTTP/1.1\r\nhost: a\r\n\r\n', true),
    raw('idle', 'GET /silent HTTP/1.1\r\nhost: a\r\n\r\n', true),
    {
      name: 'no connection after three attempts',
      see: place => request('/').see({ ...place, ports: { ...place.ports, listener: place.ports.nobody } }),
    },
    together('settled', [
      accessLog(4, line => line.replace(/ 127\.0\.0\.1:\d+ /, ' <host> ')),
      stats(
        'tcp.up.downstream_cx_total',
        'tcp.up.downstream_cx_rx_bytes_total',
        'tcp.up.downstream_cx_tx_bytes_total',
        'tcp.up.downstream_cx_no_route',
        'tcp.up.idle_timeout',
        'tcp.down.downstream_cx_total',
        'tcp.other.downstream_cx_total',
        ...clusterStats('raw'),
        ...clusterStats('gone'),
      ),
    ]),
  ],
};
