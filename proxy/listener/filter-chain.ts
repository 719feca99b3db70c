/** A filter chain of a listener, compiled: its last filter takes the connections. */

import type { TrafficDirection } from '../api/enums.js';
import type { FilterChain as Configuration } from '../api/envoy/config/listener/v3/listener_components_pb.js';
import type { Config as DirectResponse } from '../api/envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import type { Echo } from '../api/envoy/extensions/filters/network/echo/v3/echo_pb.js';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { TcpProxy as TcpProxyConfiguration } from '../api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { DownstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { readDataSource } from '../data-source.ts';
import { milliseconds } from '../duration.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import { ExplainedChain } from '../explain/explained-chain.ts';
import type { WrittenPart } from '../explain/written-part.ts';
import { ConnectionManager } from '../http-connection-manager/connection-manager.ts';
import { AnsweringFilter } from '../network-filters/answering-filter.ts';
import { FilteredChain } from '../network-filters/filtered-chain.ts';
import { compileNetworkFilters } from '../network-filters/registry.ts';
import type { CameRoutes } from '../routing/route-source.ts';
import { statedMetadata } from '../stated-metadata.ts';
import type { StatsScope } from '../stats/store.ts';
import type { ChainFacts, StreamInfo } from '../stream-info.ts';
import { TcpProxy } from '../tcp-proxy/tcp-proxy.ts';
import { TlsServer } from '../tls/tls-server.ts';
import { Drain } from './drain.ts';
import type { ListenerContext } from './listener.ts';
import type { ConnectionFacts, FailedConnection, TerminalFilter } from './network-filter.ts';

const managerType = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const echoType = 'envoy.extensions.filters.network.echo.v3.Echo';
const directResponseType = 'envoy.extensions.filters.network.direct_response.v3.Config';
const tlsType = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
const tcpProxyType = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/** What a chain is told of its listener. */
export interface ChainContext {
  listener: ListenerContext;
  listenerName: string;
  listenerScope: StatsScope;
  bufferLimit: number;
  trafficDirection: TrafficDirection;
  listenerMetadata: DynamicMetadata | undefined;
  /** Whether connections are to go while the admin interface says that the proxy is ill. */
  drainsWhenIll: boolean;
  /** @param connection undefined: nobody logs connections */
  onConnectionClosed(lengthMs: number, connection: StreamInfo | undefined): void;
  /** The listener as it is written; undefined: no request is explained. */
  written: WrittenPart | undefined;
}

export interface FilterChain {
  /** Its configuration; '' where nobody compares it. */
  text: string;
  facts: ChainFacts;
  drain: Drain;
  filter: TerminalFilter;
  /** Undefined where connections are not encrypted. */
  tls: TlsServer | undefined;
  /** 0: for ever. */
  handshakeTimeoutMs: number;
}

/**
 * @param written the chain as it is written; undefined: no request is explained
 * @throws where its last filter is none that takes connections, or its certificates cannot be used
 */
export function compileFilterChain(
  configuration: Configuration,
  text: string,
  context: ChainContext,
  written?: WrittenPart,
): FilterChain {
  const socket = configuration.transportSocket?.configType;
  const any = socket?.case === 'typedConfig' ? socket.value : undefined;
  const tls = typedConfig<DownstreamTlsContext>(any, tlsType);
  const drain = new Drain();
  return {
    text,
    facts: factsOf(configuration, context),
    drain,
    filter: compileFilters(configuration, context, drain, written),
    tls: tls && new TlsServer(tls, context.listenerScope, context.listener.secrets, context.listener.shared),
    handshakeTimeoutMs: milliseconds(configuration.transportSocketConnectTimeout, 0),
  };
}

function compileFilters(
  configuration: Configuration,
  context: ChainContext,
  drain: Drain,
  written: WrittenPart | undefined,
): TerminalFilter {
  const terminal = compileTerminalFilter(configuration, context, drain, written);
  const before = configuration.filters.slice(0, -1);
  if (before.length === 0) return terminal;
  const { store, runtime, shared } = context.listener;
  const cluster = (name: string) => context.listener.cluster(name);
  const filters = compileNetworkFilters(before, { rootScope: store.scope(''), cluster, runtime, shared });
  return new FilteredChain(filters, terminal);
}

function compileTerminalFilter(
  configuration: Configuration,
  context: ChainContext,
  drain: Drain,
  written: WrittenPart | undefined,
): TerminalFilter {
  const filter = configuration.filters.at(-1);
  const any = filter?.configType.case === 'typedConfig' ? filter.configType.value : undefined;
  const manager = typedConfig<HttpConnectionManager>(any, managerType);
  if (manager !== undefined)
    return connectionManager(manager, factsOf(configuration, context), context, drain, written);
  const tcpProxy = typedConfig<TcpProxyConfiguration>(any, tcpProxyType);
  if (tcpProxy !== undefined) return tcpProxyOf(tcpProxy, factsOf(configuration, context), context, written);
  const onClosed: ChainContext['onConnectionClosed'] = (...closed) => context.onConnectionClosed(...closed);
  if (typedConfig<Echo>(any, echoType) !== undefined) return new AnsweringFilter(undefined, onClosed);
  const direct = typedConfig<DirectResponse>(any, directResponseType);
  if (direct !== undefined) return new AnsweringFilter(readDataSource(direct.response) ?? Buffer.alloc(0), onClosed);
  if (filter === undefined) return new ClosingFilter(context);
  throw new Error(`listener ${context.listenerName}: '${filter.name}' takes no connections`);
}

function factsOf(
  { name, metadata }: Configuration,
  { listenerMetadata, trafficDirection: listenerDirection }: ChainContext,
): ChainFacts {
  return { filterChainName: name, listenerDirection, listenerMetadata, chainMetadata: statedMetadata(metadata) };
}

function connectionManager(
  configuration: HttpConnectionManager,
  chain: ChainFacts,
  context: ChainContext,
  drain: Drain,
  written: WrittenPart | undefined,
): ConnectionManager {
  const { listener } = context;
  const log = listener.accessLog(configuration.accessLog);
  return new ConnectionManager(configuration, {
    ...context,
    chain,
    store: listener.store,
    nodeCluster: listener.nodeCluster,
    nodeId: listener.nodeId,
    nodeZone: listener.nodeZone,
    tracers: listener.tracers,
    cluster: name => listener.cluster(name),
    compose: (action, cluster) => listener.compose(action, cluster),
    demandedClusters: source => listener.demandedClusters(source),
    compileFilterConfig: any => listener.compileFilterConfig(any),
    runtime: listener.runtime,
    xds: listener.xds,
    shared: listener.shared,
    healthcheck: listener.healthcheck,
    drain,
    log,
    explained: explainedChain(context, written),
    observers: log === undefined ? listener.observers : [log, ...listener.observers],
  });
}

function explainedChain(
  { listener: { explain }, listenerName, written: listener }: ChainContext,
  chain: WrittenPart | undefined,
): ExplainedChain | undefined {
  return explain && listener && chain && new ExplainedChain(explain, listenerName, listener, chain);
}

function tcpProxyOf(
  configuration: TcpProxyConfiguration,
  chain: ChainFacts,
  context: ChainContext,
  written: WrittenPart | undefined,
): TcpProxy {
  const { listener } = context;
  return new TcpProxy(configuration, {
    store: listener.store,
    listenerName: context.listenerName,
    chain,
    bufferLimit: context.bufferLimit,
    cluster: name => listener.cluster(name),
    observer: listener.accessLog(configuration.accessLog),
    explained: explainedChain(context, written),
    onConnectionClosed: (...closed) => context.onConnectionClosed(...closed),
  });
}

/** A chain without filters: Envoy closes what it gets. */
class ClosingFilter implements TerminalFilter {
  readonly cameRoutes: CameRoutes | undefined = undefined;
  readonly #context: ChainContext;

  constructor(context: ChainContext) {
    this.#context = context;
  }

  accept(transport: { destroy(): void }, { connection }: ConnectionFacts): void {
    transport.destroy();
    this.#context.onConnectionClosed(0, connection);
  }

  refused({ durationMs, connection }: FailedConnection): void {
    this.#context.onConnectionClosed(durationMs, connection);
  }

  async prepare(): Promise<void> {}
  drain(): void {}
  async empty(): Promise<void> {}
  destroy(): void {}
}
