/** A filter chain of a listener, compiled: its last filter takes the connections. */
import type { DynamicResource } from '../admin-source.ts';
import type { FilterChain as Configuration } from '../api/envoy/config/listener/v3/listener_components_pb.js';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { TcpProxy as TcpProxyConfiguration } from '../api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { DownstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { milliseconds } from '../duration.ts';
import { ConnectionManager } from '../http-connection-manager/connection-manager.ts';
import type { StatsScope } from '../stats/store.ts';
import { TcpProxy } from '../tcp-proxy/tcp-proxy.ts';
import { TlsServer } from '../tls/tls-server.ts';
import type { ListenerContext } from './listener.ts';
import type { FailedConnection, TerminalFilter } from './network-filter.ts';

const managerType = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const tlsType = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
const tcpProxyType = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/** What a chain is told of its listener. */
export interface ChainContext {
  listener: ListenerContext;
  listenerName: string;
  listenerScope: StatsScope;
  bufferLimit: number;
  onConnectionClosed(lengthMs: number): void;
}

export interface FilterChain {
  filter: TerminalFilter;
  /** Undefined where connections are not encrypted. */
  tls: TlsServer | undefined;
  /** 0: for ever. */
  handshakeTimeoutMs: number;
}

/** @throws where its last filter is none that takes connections, or its certificates cannot be used */
export function compileFilterChain(configuration: Configuration, context: ChainContext): FilterChain {
  const socket = configuration.transportSocket?.configType;
  const any = socket?.case === 'typedConfig' ? socket.value : undefined;
  const tls = typedConfig<DownstreamTlsContext>(any, tlsType);
  return {
    filter: compileTerminalFilter(configuration, context),
    tls: tls && new TlsServer(tls, context.listenerScope, context.listener.secrets),
    handshakeTimeoutMs: milliseconds(configuration.transportSocketConnectTimeout, 0),
  };
}

function compileTerminalFilter(configuration: Configuration, context: ChainContext): TerminalFilter {
  const filter = configuration.filters.at(-1);
  const any = filter?.configType.case === 'typedConfig' ? filter.configType.value : undefined;
  const manager = typedConfig<HttpConnectionManager>(any, managerType);
  if (manager !== undefined) return connectionManager(manager, context);
  const tcpProxy = typedConfig<TcpProxyConfiguration>(any, tcpProxyType);
  if (tcpProxy !== undefined) return tcpProxyOf(tcpProxy, context);
  if (filter === undefined) return new ClosingFilter(context);
  throw new Error(`listener ${context.listenerName}: '${filter.name}' takes no connections`);
}

function connectionManager(configuration: HttpConnectionManager, context: ChainContext): ConnectionManager {
  const { listener } = context;
  const log = listener.accessLog(configuration.accessLog);
  return new ConnectionManager(configuration, {
    ...context,
    store: listener.store,
    nodeCluster: listener.nodeCluster,
    nodeId: listener.nodeId,
    cluster: name => listener.cluster(name),
    compose: (action, cluster) => listener.compose(action, cluster),
    compileFilterConfig: any => listener.compileFilterConfig(any),
    runtime: listener.runtime,
    xds: listener.xds,
    healthcheck: listener.healthcheck,
    observers: log === undefined ? listener.observers : [log, ...listener.observers],
  });
}

function tcpProxyOf(configuration: TcpProxyConfiguration, context: ChainContext): TcpProxy {
  const { listener } = context;
  return new TcpProxy(configuration, {
    store: listener.store,
    listenerName: context.listenerName,
    bufferLimit: context.bufferLimit,
    cluster: name => listener.cluster(name),
    observer: listener.accessLog(configuration.accessLog),
    onConnectionClosed: lengthMs => context.onConnectionClosed(lengthMs),
  });
}

/** A chain without filters: Envoy closes what it gets. */
class ClosingFilter implements TerminalFilter {
  readonly dynamicRoutes: DynamicResource | undefined = undefined;
  readonly #context: ChainContext;

  constructor(context: ChainContext) {
    this.#context = context;
  }

  accept(transport: { destroy(): void }): void {
    transport.destroy();
    this.#context.onConnectionClosed(0);
  }

  refused({ durationMs }: FailedConnection): void {
    this.#context.onConnectionClosed(durationMs);
  }

  async prepare(): Promise<void> {}
  drain(): void {}
  async empty(): Promise<void> {}
  destroy(): void {}
}
