/** Configurations under which our proxy and Envoy are measured. */
import { join } from 'node:path';
import { top } from '../lint/files.ts';

/** What a proxy stands between. */
export interface Setup {
  /** How clients speak: HTTP in the clear, over TLS, or bytes that are passed on as they are. */
  client: 'http' | 'https' | 'tcp';
  /** The port of what stands behind on this machine, and whether it speaks HTTP/2. */
  upstream: number;
  upstreamHttp2?: boolean;
  /** Ten filters before the router that look at every request and let it pass. */
  filters?: boolean;
  /** Clusters that nobody uses. */
  idleClusters?: number;
}

export const certificate = join(top, 'test/fixtures/tls/one.pem');
export const key = join(top, 'test/fixtures/tls/one.key');

const extensions = 'type.googleapis.com/envoy.extensions';
const optionsType = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const httpFilter = (name: string, message: string, configuration: object = {}) => ({
  name,
  typed_config: { '@type': `${extensions}.filters.http.${message}`, ...configuration },
});

const router = httpFilter('router', 'router.v3.Router');

const tenFilters = [
  httpFilter('cors', 'cors.v3.Cors'),
  httpFilter('fault', 'fault.v3.HTTPFault', { abort: { http_status: 503, percentage: { numerator: 0 } } }),
  httpFilter('rbac', 'rbac.v3.RBAC', {
    rules: {
      policies: { all: { permissions: [{ url_path: { path: { prefix: '/' } } }], principals: [{ any: true }] } },
    },
  }),
  httpFilter('local_ratelimit', 'local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: 'limit',
    token_bucket: { max_tokens: 1_000_000_000, tokens_per_fill: 1_000_000_000, fill_interval: '1s' },
    filter_enabled: { default_value: { numerator: 100 } },
    filter_enforced: { default_value: { numerator: 100 } },
  }),
  httpFilter('health_check', 'health_check.v3.HealthCheck', {
    pass_through_mode: false,
    headers: [{ name: ':path', string_match: { exact: '/healthz' } }],
  }),
  httpFilter('header_mutation', 'header_mutation.v3.HeaderMutation', {
    mutations: { request_mutations: [{ append: { header: { key: 'x-through', value: 'proxy' } } }] },
  }),
  httpFilter('header_to_metadata', 'header_to_metadata.v3.Config', {
    request_rules: [{ header: 'host', on_header_present: { metadata_namespace: 'bench', key: 'host' } }],
  }),
  httpFilter('grpc_web', 'grpc_web.v3.GrpcWeb'),
  httpFilter('grpc_stats', 'grpc_stats.v3.FilterConfig'),
  httpFilter('compressor', 'compressor.v3.Compressor', {
    compressor_library: {
      name: 'gzip',
      typed_config: { '@type': `${extensions}.compression.gzip.compressor.v3.Gzip` },
    },
  }),
];

const transportSocket = {
  name: 'tls',
  typed_config: {
    '@type': `${extensions}.transport_sockets.tls.v3.DownstreamTlsContext`,
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { filename: certificate }, private_key: { filename: key } }],
    },
  },
};

const manager = (filters: boolean) => ({
  name: 'http',
  typed_config: {
    '@type': `${extensions}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'bench',
    route_config: {
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] }],
    },
    http_filters: [...(filters ? tenFilters : []), router],
  },
});

const tcpProxy = {
  name: 'tcp',
  typed_config: {
    '@type': `${extensions}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'bench',
    cluster: 'up',
  },
};

const cluster = (name: string, port: number, http2 = false) => ({
  name,
  connect_timeout: '5s',
  type: 'STATIC',
  ...(http2 && {
    typed_extension_protocol_options: {
      [optionsType]: {
        '@type': `type.googleapis.com/${optionsType}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }),
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
});

/** A bootstrap with one listener on `port`, without an admin interface. */
export function proxyConfiguration(port: number, setup: Setup): object {
  const { client, upstream, upstreamHttp2, filters = false, idleClusters = 0 } = setup;
  const chain = {
    filters: [client === 'tcp' ? tcpProxy : manager(filters)],
    ...(client === 'https' && { transport_socket: transportSocket }),
  };
  const idle = Array.from({ length: idleClusters }, (_, i) => cluster(`idle-${i}`, upstream));
  return {
    static_resources: {
      listeners: [{ name: 'main', address: address(port), filter_chains: [chain] }],
      clusters: [cluster('up', upstream, upstreamHttp2), ...idle],
    },
  };
}
