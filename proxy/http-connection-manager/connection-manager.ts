/** The HTTP connection manager of one listener: everything that its connections share. */

import type { DynamicResource } from '../admin-source.ts';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { type DeadlineQueue, deadlineQueue } from '../deadlines.ts';
import { compileChain } from '../http-filters/registry.ts';
import type { ConnectionFacts, FailedConnection, TerminalFilter } from '../listener/network-filter.ts';
import { OpenConnections } from '../listener/open-connections.ts';
import type { Transport } from '../net/transport.ts';
import { RouterStats } from '../router/router-stats.ts';
import type { RouteSourceContext } from '../routing/route-context.ts';
import { type RouteSource, routeSource } from '../routing/route-source.ts';
import type { StatsScope, StatsStore } from '../stats/store.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import type { StreamInfo, StreamObserver } from '../stream-info.ts';
import type { ChainedFilter } from './filter-manager.ts';
import { ManagedConnection } from './managed-connection.ts';
import { ClassCounters, ManagerStats } from './manager-stats.ts';
import { type ManagerSettings, managerSettings } from './settings.ts';

export interface ManagerContext extends RouteSourceContext {
  store: StatsStore;
  listenerScope: StatsScope;
  listenerName: string;
  /** The name of this node's cluster, for add_user_agent. */
  nodeCluster: string;
  nodeId: string;
  bufferLimit: number;
  /** Each hears of every finished request. */
  observers: readonly StreamObserver[];
  /** While it fails, connections end with their next response, so that clients go elsewhere. */
  healthcheck: { readonly failed: boolean };
  onConnectionClosed(lengthMs: number): void;
}

let nextConnectionId = 0;

export class ConnectionManager implements TerminalFilter {
  readonly settings: ManagerSettings;
  readonly routes: RouteSource;
  /** The filters before the router. */
  readonly filters: readonly ChainedFilter[];
  readonly stats: ManagerStats;
  readonly routerStats: RouterStats;
  readonly listenerName: string;
  readonly bufferLimit: number;
  readonly idleQueue: DeadlineQueue | undefined;
  readonly streamIdleQueue: DeadlineQueue | undefined;
  readonly healthcheck: { readonly failed: boolean };
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
    this.filters = compileChain(configuration.httpFilters, {
      scope,
      rootScope: context.store.scope(''),
      runtime: context.runtime,
      healthcheck: context.healthcheck,
      nodeCluster: context.nodeCluster,
      cluster: name => context.cluster(name),
    });
    this.listenerName = context.listenerName;
    this.bufferLimit = context.bufferLimit;
    this.idleQueue = queueFor(this.settings.idleTimeoutMs);
    this.streamIdleQueue = queueFor(this.settings.streamIdleTimeoutMs);
    this.healthcheck = context.healthcheck;
    this.#observers = context.observers;
    this.#context = context;
  }

  prepare(): Promise<void> {
    return this.routes.start();
  }

  get dynamicRoutes(): DynamicResource | undefined {
    return this.routes.dynamic;
  }

  accept(transport: Transport, facts: ConnectionFacts): void {
    this.#connections.add(new ManagedConnection(this, transport, facts, nextConnectionId++));
  }

  refused({ durationMs }: FailedConnection): void {
    const { stats } = this;
    stats.cxTotal.increment();
    stats.cxSslTotal.increment();
    stats.cxDestroy.increment();
    stats.cxLengthMs.record(Math.round(durationMs));
    this.#context.onConnectionClosed(durationMs);
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
    this.#context.onConnectionClosed(connection.ageMs());
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
