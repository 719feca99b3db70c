/** What looks at connections before their chain is chosen: the PROXY protocol in all its forms, and which HTTP is spoken. */
import { accessLog, type Place, type Ports, raw, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { chain, inspector } from './tls.ts';
import { secured, served } from './tls-steps.ts';

type Json = Record<string, unknown>;

const filter = (kind: string, name: string, more: Json = {}): Json => ({
  name: kind,
  typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.listener.${kind}.v3.${name}`, ...more },
});

const get = 'GET /echo HTTP/1.1\r\nhost: a\r\n\r\n';
const signature = '\r\n\r\n\0\r\nQUIT\n';
const bytes = (...numbers: number[]): string => String.fromCharCode(...numbers);
const length = (text: string): string => bytes(text.length >> 8, text.length & 255);

/** The binary form. */
const binary = (first: number, family: number, payload: string): string =>
  `${signature}${bytes(first, family)}${length(payload)}${payload}`;

const ports = bytes(0, 111, 0, 222);
const ip4 = bytes(1, 2, 3, 4, 5, 6, 7, 8) + ports;
const ip6 = bytes(0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1, 0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 2) + ports;

const headers: [name: string, header: string][] = [
  ['none', ''],
  ['TCP4', 'PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n'],
  ['TCP6', 'PROXY TCP6 2001:db8::1 2001:DB8:0::2 111 222\r\n'],
  ['unknown', 'PROXY UNKNOWN\r\n'],
  ['unknown, with more', 'PROXY UNKNOWN a b c d\r\n'],
  ['a port missing', 'PROXY TCP4 1.2.3.4 5.6.7.8 111\r\n'],
  ['a port too much', 'PROXY TCP4 1.2.3.4 5.6.7.8 111 222 333\r\n'],
  ['a port that is none', 'PROXY TCP4 1.2.3.4 5.6.7.8 111 65536\r\n'],
  ['an address that is none', 'PROXY TCP4 1.2.3 5.6.7.8 111 222\r\n'],
  ['the other family', 'PROXY TCP4 ::1 ::2 111 222\r\n'],
  ['a family that is none', 'PROXY TCP5 1.2.3.4 5.6.7.8 111 222\r\n'],
  ['a bare line feed', 'PROXY TCP4 1.2.3.4 5.6.7.8 111 222\n'],
  ['too long', `PROXY ${'x'.repeat(120)}\r\n`],
  ['no more than the word', 'PROXY\r\n'],
  ['binary, IPv4', binary(0x21, 0x11, ip4)],
  ['binary, IPv6', binary(0x21, 0x21, ip6)],
  ['binary, local', binary(0x20, 0, '')],
  ['binary, local with addresses', binary(0x20, 0x11, ip4)],
  ['binary, with more', binary(0x21, 0x11, `${ip4}${bytes(1, 0, 2)}hi`)],
  ['binary, datagrams', binary(0x21, 0x12, ip4)],
  ['binary, a socket of Unix', binary(0x21, 0x31, 'x'.repeat(216))],
  ['binary, too short', binary(0x21, 0x11, 'xx')],
  ['binary, another command', binary(0x22, 0x11, ip4)],
  ['binary, of no family', binary(0x21, 0, '')],
  ['binary, another version', binary(0x11, 0x11, ip4)],
];

/** At the second listener. */
const there = (step: Step): Step => ({
  name: `${step.name}, at the other`,
  see: (place: Place) => step.see({ ...place, ports: { ...place.ports, listener: place.ports.nobody } }),
});

const logFormat = '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS%\n';
const local = (line: string): string => line.replaceAll(/127\.0\.0\.1:\d+/g, '<own>');
const steps = headers.map(([name, header]) => raw(`${name}`, header + get, false, 500));
const versions = ['v1', 'v2'].flatMap(version =>
  ['found', 'disallowed', 'error'].map(end => `proxy_proto.versions.${version}.${end}`),
);

export const proxyProtocol: Scenario = {
  name: 'the PROXY protocol',
  config: (places: Ports, log) => {
    const manager = { use_remote_address: true, access_log: [fileLog(log, logFormat)] };
    return {
      admin: { address: address(places.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', stat_prefix: 'main', address: address(places.listener) },
            listener_filters: [filter('proxy_protocol', 'ProxyProtocol')],
            filter_chains: [
              chain('named', { source_prefix_ranges: [{ address_prefix: '2001:db8::', prefix_len: 32 }] }, {}, manager),
              chain('any', undefined, {}, manager),
            ],
          },
          {
            ...{ name: 'other', stat_prefix: 'other', address: address(places.nobody) },
            listener_filters: [
              filter('proxy_protocol', 'ProxyProtocol', {
                allow_requests_without_proxy_protocol: true,
                disallowed_versions: ['V2'],
                stat_prefix: 'other',
              }),
              inspector,
            ],
            filter_chains: [
              chain('secret', { transport_protocol: 'tls' }, served({ certificates: ['one'] }), manager),
              chain('open', undefined, {}, manager),
            ],
          },
        ],
        clusters: [cluster('echo', [places.raw])],
      },
    };
  },
  steps: [
    ...steps,
    ...steps.map(there),
    secured('/own', { name: 'a', port: ({ nobody }) => nobody }),
    raw('only a part', 'PRO', false, 300),
    raw('nothing', '', false, 300),
    accessLog(27, local),
    stats(
      'downstream_cx_proxy_proto_error',
      'proxy_proto.not_found_allowed',
      'proxy_proto.not_found_disallowed',
      ...versions,
      ...['not_found_allowed', 'not_found_disallowed', ...versions.map(name => name.replace('proxy_proto.', ''))].map(
        name => `proxy_proto.other.${name}`,
      ),
      ...['downstream_cx_total', 'downstream_listener_filter_remote_close', 'downstream_pre_cx_active'].map(
        name => `listener.main.${name}`,
      ),
    ),
  ],
};

const starts: [name: string, bytes: string][] = [
  ['HTTP/1.1', get],
  ['HTTP/1.0', 'GET /echo HTTP/1.0\r\n\r\n'],
  ['nonsense', 'nonsense\r\n\r\n'],
  ['another method', 'FOO /echo HTTP/1.1\r\nhost: a\r\n\r\n'],
  ['another version', 'GET /echo HTTP/2.0\r\nhost: a\r\n\r\n'],
  ['an empty line first', `\r\n${get}`],
  ['a small method', 'get /echo HTTP/1.1\r\nhost: a\r\n\r\n'],
  ['almost the preface', 'PRI /echo HTTP/1.1\r\nhost: a\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01'],
  ['a part of a line', 'GET /ec'],
  ['a part of the preface', 'PRI * HTTP/2.0\r\n'],
];

export const httpInspector: Scenario = {
  name: 'which HTTP is spoken',
  config: (places: Ports) => {
    const speaking = (protocol: string) => ({ application_protocols: [protocol] });
    return {
      admin: { address: address(places.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', stat_prefix: 'main', address: address(places.listener) },
            listener_filters: [inspector, filter('http_inspector', 'HttpInspector')],
            filter_chains: [
              chain('tls', { transport_protocol: 'tls' }, served({ certificates: ['one'] })),
              chain('h11', speaking('http/1.1'), {}),
              chain('h10', speaking('http/1.0'), {}),
              chain('other', undefined, {}),
            ],
          },
        ],
        clusters: [cluster('echo', [places.raw])],
      },
    };
  },
  steps: [
    ...starts.map(([name, text]) => raw(name, text, false, 500)),
    secured('/own', { name: 'a' }),
    stats(
      ...['read_error', 'http10_found', 'http11_found', 'http2_found', 'http_not_found'].map(
        name => `http_inspector.${name}`,
      ),
      ...['tls', 'h11', 'h10', 'other'].map(name => `http.${name}.downstream_cx_total`),
      'listener.main.downstream_listener_filter_remote_close',
    ),
  ],
};

const clientHeaders: string[][] = [
  [],
  ['x-forwarded-for: 10.1.2.3'],
  ['x-forwarded-for: 10.1.2.3, 192.0.2.7'],
  ['x-forwarded-for: 10.1.2.3', 'x-forwarded-for: 192.0.2.7'],
  ['x-forwarded-for: nonsense'],
  ['x-forwarded-proto: https'],
  ['x-request-id: mine', 'x-envoy-external-address: 1.2.3.4', 'x-envoy-internal: true'],
  ['x-envoy-a: b', 'x-envoy-original-path: /a', 'x-envoy-decorator-operation: a'],
  ['via: 1.1 before', 'user-agent: me'],
];

const managers: Json[] = [
  { use_remote_address: true },
  { use_remote_address: true, xff_num_trusted_hops: 1 },
  { use_remote_address: true, skip_xff_append: true, preserve_external_request_id: true },
  { xff_num_trusted_hops: 1 },
  {
    use_remote_address: true,
    via: '1.1 here',
    add_user_agent: true,
    internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
  },
];

/** Whose request it is, and what is told of that: by the connection, or by what the client says. */
export const clientAddresses: Scenario = {
  name: "the client's address",
  config: (places: Ports, log) => ({
    node: { id: 'proxy', cluster: 'proxies' },
    admin: { address: address(places.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(places.listener), listener_filters: [inspector] },
          filter_chains: managers.map((manager, index) =>
            chain(`m${index}`, { server_names: [`m${index}`] }, served({ certificates: ['one'] }), {
              ...manager,
              access_log: [fileLog(log, logFormat)],
            }),
          ),
        },
      ],
      clusters: [cluster('echo', [places.raw])],
    },
  }),
  steps: [
    ...managers.flatMap((_, index) => clientHeaders.map(headers => secured('/echo', { name: `m${index}` }, headers))),
    accessLog(managers.length * clientHeaders.length, local),
  ],
};

const inside = { internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] } };

const wished: [path: string, headers: string[]][] = [
  ['/echo', ['x-envoy-upstream-rq-timeout-ms: 700']],
  ['/echo', ['x-envoy-upstream-rq-timeout-ms: 0']],
  ['/echo', ['x-envoy-upstream-rq-timeout-ms: soon']],
  ['/echo', ['x-envoy-upstream-rq-per-try-timeout-ms: 300']],
  ['/echo', ['x-envoy-upstream-rq-timeout-ms: 300', 'x-envoy-upstream-rq-per-try-timeout-ms: 700']],
  ['/silent', ['x-envoy-upstream-rq-timeout-ms: 200']],
  ['/silent', ['x-envoy-retry-on: 5xx', 'x-envoy-upstream-rq-per-try-timeout-ms: 100']],
  ['/disconnect', ['x-envoy-retry-on: 5xx']],
  ['/disconnect', ['x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 3']],
  ['/disconnect', ['x-envoy-retry-on: connect-failure']],
  ['/disconnect', ['x-envoy-max-retries: 3']],
  ['/disconnect', ['x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 0']],
  ['/no-content', ['x-envoy-retry-on: retriable-status-codes', 'x-envoy-retriable-status-codes: 404,204']],
  ['/own', ['x-envoy-retry-on: retriable-headers', 'x-envoy-retriable-header-names: X-A, x-envoy-a']],
  ['/echo', ['x-envoy-retry-grpc-on: cancelled', 'x-envoy-hedge-on-per-try-timeout: true', 'x-envoy-a: b']],
  ['/more/disconnect', ['x-envoy-retry-on: gateway-error']],
  ['/more/disconnect', ['x-envoy-max-retries: 1']],
];

/** What requests from inside ask of the router. */
export const requestWishes: Scenario = {
  name: 'wishes of requests',
  config: (places: Ports, log) => {
    const route = (prefix: string, more: Json = {}): Json => ({
      match: { prefix },
      route: { cluster: 'echo', prefix_rewrite: '/', ...more },
    });
    const routes = [
      route('/more/', { retry_policy: { retry_on: '5xx', num_retries: 2 }, timeout: '2s' }),
      { match: { prefix: '/' }, route: { cluster: 'echo' } },
    ];
    const manager = (more: Json): Json => ({
      ...more,
      use_remote_address: true,
      access_log: [fileLog(log, '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n')],
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    });
    return {
      admin: { address: address(places.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', address: address(places.listener) },
            filter_chains: [chain('inside', undefined, {}, manager(inside))],
          },
          {
            ...{ name: 'other', address: address(places.nobody) },
            filter_chains: [chain('outside', undefined, {}, manager({}))],
          },
        ],
        clusters: [cluster('echo', [places.raw])],
      },
    };
  },
  steps: [
    ...wished.map(([path, headers]) => request(path, { headers })),
    there(request('/echo', { headers: ['x-envoy-upstream-rq-timeout-ms: 700', 'x-envoy-retry-on: 5xx'] })),
    there(request('/disconnect', { headers: ['x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 3'] })),
    accessLog(wished.length + 2),
    stats(...['upstream_rq_total', 'upstream_rq_retry', 'upstream_rq_timeout'].map(name => `cluster.echo.${name}`)),
  ],
};
