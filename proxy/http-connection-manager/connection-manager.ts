/** The HTTP connection manager of one listener: everything that its connections share. */

import { type InterimLogs, interimLogs } from '../access-log/interim-logs.ts';
import type { TrafficDirection } from '../api/enums.js';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { type DeadlineQueue, deadlineQueue } from '../deadlines.ts';
import type { ExplainedChain } from '../explain/explained-chain.ts';
import type { HttpVersion } from '../http/codec.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { compileChain } from '../http-filters/registry.ts';
import type { Http1Context } from '../http1/server-connection.ts';
import { Http1Stats } from '../http1/stats.ts';
import type { Http2Context } from '../http2/context.ts';
import { Http2Stats } from '../http2/stats.ts';
import type { Drain } from '../listener/drain.ts';
import type { ConnectionFacts, FailedConnection, TerminalFilter } from '../listener/network-filter.ts';
import { OpenConnections } from '../listener/open-connections.ts';
import type { Transport } from '../net/transport.ts';
import { RouterStats } from '../router/router-stats.ts';
import { routeSource } from '../routing/make-route-source.ts';
import type { RouteSourceContext } from '../routing/route-context.ts';
import type { CameRoutes, RouteSource } from '../routing/route-source.ts';
import { Upgrades } from '../routing/upgrades.ts';
import type { StatsScope, StatsStore } from '../stats/store.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import type { ChainFacts, StreamInfo, StreamObserver } from '../stream-info.ts';
import { ManagerTracing } from '../tracing/manager-tracing.ts';
import { requestIdRules } from '../tracing/sampling.ts';
import type { Tracers } from '../tracing/tracers.ts';
import type { ChainedFilter } from './filter-manager.ts';
import { ManagedConnection } from './managed-connection.ts';
import { ClassCounters, ManagerStats } from './manager-stats.ts';
import { ReplyMapping } from './reply-mapping.ts';
import { type ManagerSettings, managerSettings } from './settings.ts';
import { checkUnderscores } from './underscores.ts';

export interface ManagerContext extends RouteSourceContext {
  store: StatsStore;
  listenerScope: StatsScope;
  listenerName: string;
  chain: ChainFacts;
  /** The name of this node's cluster, for add_user_agent. */
  nodeCluster: string;
  nodeId: string;
  nodeZone: string;
  tracers: Tracers;
  trafficDirection: TrafficDirection;
  bufferLimit: number;
  /** The access logs. */
  log: StreamObserver | undefined;
  /** Each hears of every finished request, the access logs first. */
  observers: readonly StreamObserver[];
  /** While it fails, connections end with their next response, so that clients go elsewhere. */
  healthcheck: { readonly failed: boolean };
  /** Whether connections are to go while it says that. */
  drainsWhenIll: boolean;
  drain: Drain;
  /** Undefined: no request is explained. */
  explained: ExplainedChain | undefined;
  /** @param connection undefined: nobody logs connections */
  onConnectionClosed(lengthMs: number, connection: StreamInfo | undefined): void;
}

const interimTypes = {
  start: 'DownstreamStart',
  periodic: 'DownstreamPeriodic',
  tunnel: 'DownstreamTunnelSuccessfullyEstablished',
};

export class ConnectionManager implements TerminalFilter {
  readonly settings: ManagerSettings;
  readonly routes: RouteSource;
  /** What may follow requests beside HTTP, unless a route says otherwise. */
  readonly #upgrades: Upgrades;
  readonly #filters: readonly ChainedFilter[];
  /** By what is asked for, where it has filters of its own. */
  readonly #upgradeFilters = new Map<string, readonly ChainedFilter[]>();
  readonly stats: ManagerStats;
  /** Undefined: nothing is traced. */
  readonly tracing: ManagerTracing | undefined;
  /** Undefined: requests are logged at their end alone. */
  readonly interimLogs: InterimLogs | undefined;
  /** Undefined: answers of our own stay as they are. */
  readonly replyMapping: ReplyMapping | undefined;
  readonly routerStats: RouterStats;
  /** Undefined: no request is explained. */
  readonly explained: ExplainedChain | undefined;
  readonly listenerName: string;
  readonly chain: ChainFacts;
  readonly bufferLimit: number;
  #http1: Http1Stats | undefined;
  #http1Context: Http1Context | undefined;
  #http2: Http2Context | undefined;
  readonly idleQueue: DeadlineQueue | undefined;
  readonly streamIdleQueue: DeadlineQueue | undefined;
  readonly #connections = new OpenConnections<ManagedConnection>();
  readonly #listenerResponses: ClassCounters;
  readonly #observers: readonly StreamObserver[];
  readonly #context: ManagerContext;

  constructor(configuration: HttpConnectionManager, context: ManagerContext) {
    this.settings = managerSettings(configuration, { cluster: context.nodeCluster, id: context.nodeId });
    const prefix = `http.${sanitizeStatsName(this.settings.statPrefix)}.`;
    const scope = context.store.scope(prefix);
    this.stats = new ManagerStats(scope);
    this.routerStats = new RouterStats(scope);
    this.#listenerResponses = new ClassCounters(context.listenerScope.scope(prefix));
    this.routes = routeSource(configuration.routeSpecifier, context, scope);
    const filterContext = {
      scope,
      rootScope: context.store.scope(''),
      runtime: context.runtime,
      healthcheck: context.healthcheck,
      nodeCluster: context.nodeCluster,
      cluster: (name: string) => context.cluster(name),
      demandedClusters: context.demandedClusters,
      shared: context.shared,
    };
    this.#filters = compileChain(configuration.httpFilters, filterContext);
    this.#upgrades = new Upgrades(configuration.upgradeConfigs);
    for (const { upgradeType, filters } of configuration.upgradeConfigs)
      if (filters.length > 0) this.#upgradeFilters.set(upgradeType.toLowerCase(), compileChain(filters, filterContext));
    const requestIds = requestIdRules(configuration.requestIdExtension?.typedConfig);
    this.tracing =
      configuration.tracing && new ManagerTracing(configuration.tracing, { ...context, scope, requestIds });
    this.replyMapping =
      configuration.localReplyConfig && new ReplyMapping(configuration.localReplyConfig, context.runtime);
    this.interimLogs = interimLogs(context.log, this.settings.interimLogs, interimTypes);
    this.explained = context.explained;
    this.listenerName = context.listenerName;
    this.chain = context.chain;
    this.bufferLimit = context.bufferLimit;
    this.idleQueue = queueFor(this.settings.idleTimeoutMs);
    this.streamIdleQueue = queueFor(this.settings.streamIdleTimeoutMs);
    this.#observers = context.observers;
    this.#context = context;
  }

  prepare(): Promise<void> {
    return this.routes.start();
  }

  /** Its statistics are there from the first such connection on, as in Envoy. */
  get http1(): Http1Stats {
    this.#http1 ??= new Http1Stats(this.#context.store.scope('http1.'));
    return this.#http1;
  }

  /** What its connections of HTTP/1 share. */
  get http1Context(): Http1Context {
    const { http1: options, limits, delayedCloseTimeoutMs: lingerMs } = this.settings;
    this.#http1Context ??= { options, limits, lingerMs };
    return this.#http1Context;
  }

  /** What its connections of HTTP/2 share. */
  get http2(): Http2Context {
    const { http2: options, limits, delayedCloseTimeoutMs: lingerMs } = this.settings;
    // Its statistics are there from the first such connection on, as in Envoy.
    const stats = () => new Http2Stats(this.#context.store.scope('http2.'));
    this.#http2 ??= { options, limits, lingerMs, highMark: this.bufferLimit, stats: stats() };
    return this.#http2;
  }

  get cameRoutes(): CameRoutes | undefined {
    return this.routes;
  }

  /**
   * Whether a request may ask for this upgrade; it counts as one then, until it is over.
   * @param route what its route says
   */
  beginUpgrade(token: string, route: Upgrades | undefined): boolean {
    if (!this.#upgrades.allow(token, route)) return false;
    this.stats.cxUpgradesTotal.increment();
    this.stats.cxUpgradesActive.increment();
    return true;
  }

  /** The filters before the router, for requests that ask for this upgrade; '' for all others. */
  filtersFor(upgrade: string): readonly ChainedFilter[] {
    return upgrade === '' ? this.#filters : (this.#upgradeFilters.get(upgrade) ?? this.#filters);
  }

  accept(transport: Transport, facts: ConnectionFacts): void {
    this.#connections.add(new ManagedConnection(this, transport, facts));
  }

  refused(failed: FailedConnection): void {
    const { by, tls, durationMs, connection } = failed;
    this.explained?.refused(failed);
    const { stats } = this;
    stats.cxTotal.increment();
    if (by === 'handshake' || tls !== undefined) stats.cxSslTotal.increment();
    stats.cxDestroy.increment();
    if (by === 'filter') stats.cxDestroyLocal.increment();
    stats.cxLengthMs.record(Math.round(durationMs));
    this.#context.onConnectionClosed(durationMs, connection);
  }

  /** Whether a connection that answers a request now is to end with that. */
  endsConnection(): boolean {
    const { healthcheck, drainsWhenIll, drain } = this.#context;
    return (drainsWhenIll && healthcheck.failed) || drain.endsConnection();
  }

  /** Does with a head what the configuration says of underscores. @throws CodecError, Http2UnderscoreError */
  checkUnderscores(head: RequestHeaders, protocol: HttpVersion): void {
    const counters = () => (protocol === 'HTTP/2' ? this.http2.stats : this.http1).underscores;
    checkUnderscores(this.settings.headersWithUnderscores, head, protocol, counters);
  }

  countResponse(status: number): void {
    this.stats.responses.count(status);
    this.#listenerResponses.count(status);
  }

  observe(info: StreamInfo): void {
    const observers = this.#observers;
    for (let i = 0; i < observers.length; i++) observers[i]!(info);
  }

  onConnectionClosed(connection: ManagedConnection): void {
    this.#connections.delete(connection);
    this.#context.onConnectionClosed(connection.ageMs(), connection.told);
  }

  /** Resolves when there is no connection. */
  empty(): Promise<void> {
    return this.#connections.empty();
  }

  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  destroy(): void {
    this.routes.stop();
    for (const connection of this.#connections) connection.destroy();
  }
}

function queueFor(durationMs: number): DeadlineQueue | undefined {
  return durationMs > 0 ? deadlineQueue(durationMs) : undefined;
}
