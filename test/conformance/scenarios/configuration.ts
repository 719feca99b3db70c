/** Parts of Envoy's configuration for the scenarios. */
import type { Ports } from '../scenario.ts';

type Json = Record<string, unknown>;

export const address = (port: number, host = '127.0.0.1'): Json => ({
  socket_address: { address: host, port_value: port },
});

const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;

/** A cluster with its hosts' ports. */
export function cluster(name: string, hostPorts: number[], more: Json = {}): Json {
  const lbEndpoints = hostPorts.map(port => ({ endpoint: { address: address(port) } }));
  return {
    name,
    connect_timeout: '1s',
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: lbEndpoints }] },
    ...more,
  };
}

/** A route of a prefix to a cluster. */
export function route(prefix: string, clusterName: string, more: Json = {}): Json {
  return { match: { prefix }, route: { cluster: clusterName, ...more } };
}

export interface Parts {
  routes?: Json[];
  /** Instead of the one virtual host for all domains with `routes`. */
  virtualHosts?: Json[];
  clusters: Json[];
  /** More of the connection manager. */
  manager?: Json;
  routeConfiguration?: Json;
  bootstrap?: Json;
}

/** A whole bootstrap: one listener, one connection manager with the router, an access log. */
export function bootstrap(ports: Ports, accessLog: string, parts: Parts): Json {
  const virtualHosts = parts.virtualHosts ?? [{ name: 'all', domains: ['*'], routes: parts.routes }];
  const manager = {
    '@type': type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'ingress',
    access_log: [fileLog(accessLog)],
    route_config: { name: 'local', virtual_hosts: virtualHosts, ...parts.routeConfiguration },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': type('filters.http.router.v3.Router') } },
    ],
    ...parts.manager,
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  return {
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [{ name: 'main', address: address(ports.listener), filter_chains: [{ filters }] }],
      clusters: parts.clusters,
    },
    ...parts.bootstrap,
  };
}

/** An access log to a file, in the default format or one's own. */
export function fileLog(path: string, format?: string): Json {
  const own = format === undefined ? {} : { log_format: { text_format_source: { inline_string: format } } };
  return { name: 'log', typed_config: { '@type': type('access_loggers.file.v3.FileAccessLog'), path, ...own } };
}
