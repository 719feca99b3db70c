/** Every operator of access logs that Envoy has, each with its name before what it prints: on requests, on connections, of a listener. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, normalizeText, raw, request, type Scenario, type Step } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { typed } from './filters.ts';

type Json = Record<string, unknown>;

const both = (names: string): string[] => ['DOWNSTREAM', 'UPSTREAM'].flatMap(side => withPrefix(side, names));
const withPrefix = (prefix: string, names: string): string[] => names.split(' ').map(name => `${prefix}_${name}`);

/** What is never the same twice, as is whether it is there: a time, a number that is drawn. */
const changing = [
  'DURATION',
  'REQUEST_DURATION',
  'REQUEST_TX_DURATION',
  'RESPONSE_DURATION',
  'RESPONSE_TX_DURATION',
  'ROUNDTRIP_DURATION',
  'DOWNSTREAM_HANDSHAKE_DURATION',
  'UPSTREAM_CONNECTION_POOL_READY_DURATION',
  'ROUTE_RESOLUTION_TIME_US',
  'START_TIME',
  'START_TIME_LOCAL',
  'EMIT_TIME',
  'EMIT_TIME_LOCAL',
  'UNIQUE_ID',
  'STREAM_ID',
  'HOSTNAME',
  'CONNECTION_ID',
  'UPSTREAM_CONNECTION_ID',
  'UPSTREAM_CONNECTION_IDS_ATTEMPTED',
  ...both('LOCAL_PORT'),
  'DOWNSTREAM_REMOTE_PORT',
  'DOWNSTREAM_DIRECT_LOCAL_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_PORT',
  'UPSTREAM_REMOTE_PORT',
  'UPSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
  ...[
    'DS_RX_BEG:DS_RX_END:us',
    'DS_CX_BEG:DS_RX_BEG:ns',
    'DS_CX_BEG:DS_CX_END',
    'DS_CX_BEG:DS_HS_END:us',
    'DS_RX_BEG:US_CX_BEG:us',
    'US_CX_BEG:US_CX_END:ns',
    'US_CX_BEG:US_HS_END:us',
    'US_CX_BEG:US_TX_BEG:us',
    'US_TX_BEG:US_TX_END:ms',
    'US_TX_BEG:US_RX_BEG:us',
    'US_RX_BEG:US_RX_BODY_BEG:us',
    'US_RX_BODY_BEG:US_RX_END:us',
    'DS_RX_BEG:DS_TX_BEG:us',
    'DS_TX_BEG:DS_TX_END:us',
    'DS_TX_END:DS_RX_BEG:us',
    'an_own:DS_RX_BEG:us',
  ].map(points => `COMMON_DURATION(${points})`),
];

const telling = [
  ...`ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT PACKETS_RETRANSMITTED CEL(request.method)
TYPED_CEL(response.code)
CEL(xds.virtual_host_name) CEL(xds.route_name) CLUSTER_METADATA(a:key) COALESCE({"operators":["SPAN_ID","PROTOCOL"]})
CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS DYNAMIC_METADATA(a:key) ENVIRONMENT(NO_SUCH_VARIABLE)
FILTER_CHAIN_NAME FILTER_STATE(a) UPSTREAM_FILTER_STATE(a) GRPC_STATUS GRPC_STATUS_NUMBER LISTENER_NAME LOCAL_REPLY_BODY
METADATA(VIRTUAL_HOST:a:key) METADATA(VIRTUAL_HOST:a) METADATA(ROUTE:a:key) PATH PATH(NQ:ORIG) PROTOCOL QUERY_PARAM(a) QUERY_PARAM(b)
QUERY_PARAMS QUERY_PARAMS(ORIG) QUERY_PARAMS(DECODED) QUERY_PARAMS(DECODED):4 REQUESTED_SERVER_NAME
REQ(:path) REQUEST_HEADER(x-a?:method):2 STREAM_INFO_REQ(:path) STREAM_INFO_REQ(x-none?:method):2 REQUEST_HEADERS_BYTES
RESP(content-type) RESPONSE_HEADER(x-none) RESPONSE_HEADERS_BYTES TRAILER(x-a) RESPONSE_TRAILER(x-a) RESPONSE_TRAILERS_BYTES
RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_FLAGS RESPONSE_FLAGS_LONG ROUTE_NAME ROUTE_RESOLUTION_COUNT SPAN_ID TRACE_ID
TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT VIRTUAL_CLUSTER_NAME
XFCC_VALUE(URI) XFCC_VALUE(by) XFCC_VALUE(Subject) XFCC_VALUE(dns) XFCC_VALUE(hash) REQ_WITHOUT_QUERY(:path) REQ_WITHOUT_QUERY(x-none?:path):3
DOWNSTREAM_TRANSPORT_FAILURE_REASON`.split(/\s+/),
  ...both('DECOMPRESSED_HEADER_BYTES_RECEIVED DECOMPRESSED_HEADER_BYTES_SENT HEADER_BYTES_RECEIVED HEADER_BYTES_SENT'),
  ...both('WIRE_BYTES_RECEIVED WIRE_BYTES_SENT DETECTED_CLOSE_TYPE LOCAL_CLOSE_REASON'),
  ...both('TLS_CIPHER TLS_GROUP TLS_SESSION_ID TLS_VERSION PEER_CERT PEER_CERT_V_START PEER_CERT_V_END'),
  ...both('LOCAL_DNS_SAN LOCAL_IP_SAN LOCAL_URI_SAN PEER_DNS_SAN PEER_IP_SAN PEER_URI_SAN PEER_ISSUER PEER_SUBJECT'),
  ...withPrefix('DOWNSTREAM_LOCAL', 'ADDRESS ADDRESS_WITHOUT_PORT ADDRESS_ENDPOINT_ID EMAIL_SAN OTHERNAME_SAN SUBJECT'),
  ...withPrefix('DOWNSTREAM_DIRECT', 'LOCAL_ADDRESS LOCAL_ADDRESS_WITHOUT_PORT LOCAL_ADDRESS_ENDPOINT_ID'),
  ...['DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT', 'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT'],
  ...withPrefix('DOWNSTREAM_PEER_CHAIN', 'FINGERPRINTS_1 FINGERPRINTS_256 SERIALS'),
  ...withPrefix('DOWNSTREAM_PEER', 'EMAIL_SAN OTHERNAME_SAN FINGERPRINT_1 FINGERPRINT_256 SERIAL'),
  ...withPrefix('DOWNSTREAM_PEER_ISSUER', 'FINGERPRINT_256 SERIAL'),
  ...`UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_HOST UPSTREAM_HOST_NAME UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_HOSTS_ATTEMPTED
UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_METADATA(a) UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS
UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME
UPSTREAM_TRANSPORT_FAILURE_REASON`.split(/\s+/),
];

const operators = [...changing.map(name => `~${name}`), ...telling];
const format = `${operators.map(name => `${name}=%${name.replace('~', '')}%`).join(' | ')}\n`;

/** Of what changes, whether it is there. */
const normal = (line: string): string[] =>
  normalizeText(line)
    .split(' | ')
    .map(part => part.replace(/^(~.*?)=(.+)$/, (_, name, value) => `${name}=${value === '-' ? value : 'some'}`));

const formatter = {
  name: 'without query',
  typed_config: typed('envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery', {}),
};

function log(path: string): Json {
  const whole = fileLog(path, format) as { typed_config: { log_format: Json } };
  whole.typed_config.log_format.formatters = [formatter];
  return whole;
}

const lines = (count: number, what: string): Step => ({
  name: `the access log of ${what}`,
  see: async place => ((await accessLog(count, line => line).see(place)) as string[]).map(normal),
});

function tcpListener(port: number, path: string, clusterName: string, more: Json = {}): Json {
  const proxy = typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    ...{ stat_prefix: 'tcp', cluster: clusterName, access_log: [log(path)] },
    ...more,
  });
  return {
    ...{ name: clusterName, address: address(port) },
    filter_chains: [{ filters: [{ name: 'tcp', typed_config: proxy }] }],
  };
}

/** A step: a client says something, and then breaks the connection off by a reset. */
const breakOff = (bytes: string): Step => ({
  name: 'the client breaks off',
  see: async ({ ports }) => {
    const socket = connect(ports.listener, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(bytes);
    await wait(200);
    socket.resetAndDestroy();
  },
});

/** A step: a request to the other listener. */
const elsewhere = (name: string): Step => ({
  name,
  see: place => request('/').see({ ...place, ports: { ...place.ports, listener: place.ports.nobody } }),
});

export const everyOperator: Scenario[] = [
  {
    name: 'every operator of access logs, of requests',
    config: (at, path) =>
      bootstrap(at, path, {
        manager: {
          access_log: [log(path)],
          forward_client_cert_details: 'ALWAYS_FORWARD_ONLY',
          http_filters: [
            {
              name: 'router',
              typed_config: typed('envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
            },
          ],
        },
        virtualHosts: [
          {
            ...{ name: 'all', domains: ['*'], metadata: { filter_metadata: { a: { key: 'host', more: [1] } } } },
            routes: [
              { ...route('/say', 'raw'), name: 'say', metadata: { filter_metadata: { a: { key: 'route' } } } },
              route('/moved', 'raw', { prefix_rewrite: '/echo' }),
              route('/gone', 'gone', { retry_policy: { retry_on: 'connect-failure' } }),
              route('/nobody', 'empty'),
              route('/reset', 'raw'),
              route('/disconnect', 'raw'),
              route('/silent', 'raw', { timeout: '0.2s' }),
              { match: { prefix: '/direct' }, direct_response: { status: 418, body: { inline_string: 'a teapot' } } },
            ],
          },
        ],
        clusters: [cluster('raw', [at.raw]), cluster('gone', [1]), cluster('empty', [])],
      }),
    steps: [
      request('/say?%7B%22lines%22%3A%5B%22content-length:%202%22%5D%2C%22pieces%22%3A%5B%22ok%22%5D%7D'),
      request('/moved?a=%20b%41%zz+&b&%62=2&%25%3c%5e%60%7c%7e%2f%5c%27%21%7f&%&%4', {
        headers: [
          'x-forwarded-client-cert: By=one;Subject="CN=\\"a;b\\\\\\",c=d";uri=;DNS,By=two;Hash=3;URI=spiffe://later',
          'x-a: header',
        ],
      }),
      request('/gone?x'),
      request('/nobody'),
      request('/reset'),
      request('/disconnect'),
      request('/silent'),
      request('/direct', { headers: ['x-forwarded-client-cert: By="never ends'] }),
      request('/none'),
      raw('malformed', 'GET\r\n\r\n'),
      raw('a client that leaves', 'GET /silent HTTP/1.1\r\nhost: a\r\n\r\n', false, 50),
      lines(11, 'requests'),
    ],
  },
  {
    name: 'every operator of access logs, of connections',
    config: (at, path) => ({
      admin: { address: address(at.admin) },
      static_resources: {
        listeners: [
          tcpListener(at.listener, path, 'raw', { idle_timeout: '0.5s' }),
          tcpListener(at.nobody, path, 'gone'),
        ],
        clusters: [cluster('raw', [at.raw]), cluster('gone', [1])],
      },
    }),
    steps: [
      raw('the host ends', 'GET /disconnect HTTP/1.1\r\nhost: a\r\n\r\n'),
      raw('the host breaks off', 'GET /reset HTTP/1.1\r\nhost: a\r\n\r\n'),
      raw('nobody says a word', 'GET /silent HTTP/1.1\r\nhost: a\r\n\r\n', true),
      lines(3, 'the first connections'),
      breakOff('GET /silent HTTP/1.1\r\nhost: a\r\n\r\n'),
      elsewhere('no host answers'),
      lines(5, 'all connections'),
    ],
  },
  {
    name: 'every operator of access logs, of connections without a host',
    config: (at, path) => ({
      admin: { address: address(at.admin) },
      static_resources: {
        listeners: [
          tcpListener(at.listener, path, 'raw', { max_downstream_connection_duration: '0.3s' }),
          tcpListener(at.nobody, path, 'empty'),
        ],
        clusters: [cluster('raw', [at.raw]), cluster('empty', [])],
      },
    }),
    steps: [
      raw('a connection that lasts too long', 'GET /silent HTTP/1.1\r\nhost: a\r\n\r\n', true),
      lines(1, 'the first connection'),
      elsewhere('no host is there'),
      lines(2, 'all connections'),
    ],
  },
  {
    name: 'every operator of access logs, of a listener',
    config: (at, path) => {
      const whole = bootstrap(at, path, {
        manager: { access_log: [] },
        routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'a' } } }],
        clusters: [],
      }) as { static_resources: { listeners: [Json] } };
      whole.static_resources.listeners[0].access_log = [log(path)];
      return whole;
    },
    steps: [
      request('/first'),
      lines(1, 'the first connection'),
      raw('the last one', 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'),
      lines(2, 'two connections'),
      breakOff(''),
      lines(3, 'three connections'),
    ],
  },
];
