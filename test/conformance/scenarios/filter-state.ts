/** What filters keep of requests and connections for others (Envoy's set_filter_state). */
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { typed } from './filters.ts';
import { get, listening, logLines, network, talking } from './network-filters.ts';
import { inspector } from './tls.ts';
import { served, spoken } from './tls-steps.ts';

type Json = Record<string, unknown>;

const text = (inline_string: string): Json => ({ text_format_source: { inline_string } });
const kept = (object_key: string, value: string, more: Json = {}): Json => ({
  object_key,
  format_string: text(value),
  ...more,
});
const string = (object_key: string, value: string, more: Json = {}): Json =>
  kept(object_key, value, { factory_key: 'envoy.string', ...more });

const type = 'envoy.extensions.filters.http.set_filter_state.v3.Config';
const keeping = (...on_request_headers: Json[]) => ({
  name: 'keep',
  typed_config: typed(type, { on_request_headers }),
});
const router = { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') };

const logged = (...keys: string[]): string =>
  `${keys.map(key => `%FILTER_STATE(${key})% %FILTER_STATE(${key}:PLAIN)%`).join(' ')}\n`;

const serverName = 'envoy.network.upstream_server_name';
const tcpCluster = 'envoy.tcp_proxy.cluster';

const requestState: Scenario = {
  name: 'filter state of requests',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        http_filters: [
          keeping(
            string('a', '%REQ(x-a)%'),
            string('skipped', '%REQ(x-skip)%', {
              skip_if_empty: true,
              format_string: { ...text('%REQ(x-skip)%'), omit_empty_values: true },
            }),
            string('twice', 'one'),
            string('twice', 'two'),
            string('fixed', 'one', { read_only: true }),
            string('fixed', 'two', { read_only: true }),
            string('mixed', 'one'),
            string('mixed', 'two', { read_only: true }),
            kept('envoy.string', 'plain'),
            kept(serverName, 'name.example'),
            kept(tcpCluster, 'none'),
            {
              object_key: 'json',
              factory_key: 'envoy.string',
              format_string: { json_format: { path: '%REQ(:path)%' } },
            },
          ),
          router,
        ],
        access_log: [
          fileLog(
            log,
            logged('a', 'skipped', 'twice', 'fixed', 'mixed', 'envoy.string', serverName, tcpCluster, 'json'),
          ),
        ],
      },
      routes: [
        {
          ...route('/said', 'raw'),
          typed_per_filter_config: {
            keep: typed(type, { on_request_headers: [string('a', 'of the route'), string('skipped', 's')] }),
          },
        },
        route('/', 'raw'),
      ],
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    request('/echo', { headers: ['x-a: <a> "1" \\ \t b'] }),
    request('/echo', { headers: ['x-skip: here'] }),
    request('/said', { headers: ['x-a: b'] }),
    accessLog(3),
  ],
};

const connectionType = 'set_filter_state.v3.Config';

const connectionState: Scenario = {
  name: 'filter state of connections',
  config: listening(
    log => [
      [
        network(connectionType, {
          on_new_connection: [
            kept(tcpCluster, 'other'),
            string('a', '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %REQ(a)%'),
          ],
        }),
        network('tcp_proxy.v3.TcpProxy', {
          ...{ stat_prefix: 'tcp', cluster: 'raw' },
          access_log: [fileLog(log, `%UPSTREAM_CLUSTER% ${logged('a', tcpCluster)}`)],
        }),
      ],
      [
        network(connectionType, { on_new_connection: [kept(tcpCluster, 'missing', { read_only: true })] }),
        network('tcp_proxy.v3.TcpProxy', {
          ...{ stat_prefix: 'lost', cluster: 'raw' },
          access_log: [fileLog(log, `%UPSTREAM_CLUSTER% %RESPONSE_FLAGS% ${logged(tcpCluster)}`)],
        }),
      ],
      [
        network(connectionType, { on_new_connection: [string('a', 'connection'), string('b', 'connection')] }),
        network('http_connection_manager.v3.HttpConnectionManager', {
          stat_prefix: 'web',
          access_log: [fileLog(log, logged('a', 'b', 'c'))],
          route_config: {
            virtual_hosts: [
              { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] },
            ],
          },
          http_filters: [keeping(string('a', 'request'), string('c', 'request')), router],
        }),
      ],
    ],
    {},
    ports => [cluster('other', [ports.raw])],
  ),
  steps: [
    talking('another cluster', { chain: 0, send: get }),
    talking('a cluster that is not there', { chain: 1, send: get }),
    talking('requests', { chain: 2, send: get + get }),
    stats('cluster.other.upstream_cx_total', 'cluster.raw.upstream_cx_total', 'tcp.lost.downstream_cx_no_route'),
    logLines(4),
  ],
};

const options = (upstream_http_protocol_options: Json): Json => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      { explicit_http_config: { http_protocol_options: {} }, upstream_http_protocol_options },
    ),
  },
});

/** A second listener tells the name that it is called by. */
const serverNames: Scenario = {
  name: 'names of hosts by filter state',
  config: ports => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', address: address(ports.listener, '0.0.0.0') },
          filter_chains: [
            {
              filter_chain_match: { prefix_ranges: [{ address_prefix: '127.0.0.1', prefix_len: 32 }] },
              filters: [
                network('http_connection_manager.v3.HttpConnectionManager', {
                  stat_prefix: 'front',
                  route_config: {
                    virtual_hosts: [
                      {
                        ...{ name: 'all', domains: ['*'] },
                        routes: [
                          route('/plain/', 'plain', { prefix_rewrite: '/' }),
                          route('/auto/', 'auto', { prefix_rewrite: '/' }),
                        ],
                      },
                    ],
                  },
                  http_filters: [
                    keeping(
                      kept(serverName, '', {
                        skip_if_empty: true,
                        format_string: { ...text('%REQ(x-name)%'), omit_empty_values: true },
                      }),
                    ),
                    router,
                  ],
                }),
              ],
            },
            {
              filter_chain_match: { prefix_ranges: [{ address_prefix: '127.0.0.2', prefix_len: 32 }] },
              filters: [
                network(connectionType, { on_new_connection: [kept(serverName, 'of.tcp')] }),
                network('tcp_proxy.v3.TcpProxy', { stat_prefix: 'tcp', cluster: 'plain' }),
              ],
            },
          ],
        },
        {
          ...{ name: 'back', address: address(ports.nobody), listener_filters: [inspector] },
          filter_chains: [
            {
              filters: [
                network('http_connection_manager.v3.HttpConnectionManager', {
                  stat_prefix: 'back',
                  route_config: {
                    virtual_hosts: [
                      {
                        ...{ name: 'all', domains: ['*'] },
                        routes: [
                          {
                            ...{ match: { prefix: '/' }, direct_response: { status: 200 } },
                            response_headers_to_add: [
                              { header: { key: 'x-called', value: '%REQUESTED_SERVER_NAME%' } },
                            ],
                          },
                        ],
                      },
                    ],
                  },
                  http_filters: [router],
                }),
              ],
              ...served({ certificates: ['one'] }),
            },
          ],
        },
      ],
      clusters: [
        { ...cluster('plain', [ports.nobody]), ...spoken({ more: { sni: 'stated.example' } }) },
        { ...cluster('auto', [ports.nobody], options({ auto_sni: true })), ...spoken({}) },
      ],
    },
  }),
  steps: [
    ...['plain', 'auto'].flatMap(name => [
      request(`/${name}/`),
      request(`/${name}/`, { headers: ['x-name: kept.example'] }),
      request(`/${name}/`, { headers: ['x-name: other.example'] }),
    ]),
    talking('TCP', { chain: 1, send: get }),
    stats('cluster.plain.upstream_cx_total', 'cluster.auto.upstream_cx_total'),
  ],
};

export const filterState: Scenario[] = [requestState, connectionState, serverNames];
