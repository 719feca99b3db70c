/** A listener: accepts connections and hands them to the connection manager of its filter chain. */
import { createServer, type Server, type Socket } from 'node:net';
import type { DynamicResource, ListenerStatus } from '../admin-source.ts';
import type { AccessLog } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { ConnectionManager } from '../http-connection-manager/connection-manager.ts';
import { openTransport } from '../net/handle-transport.ts';
import { defaultHighMark, formatAddress } from '../net/transport.ts';
import type { RouteSourceContext } from '../routing/route-context.ts';
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { StreamObserver } from '../stream-info.ts';

const managerType = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const silentCounters = `downstream_cx_overflow downstream_cx_overload_reject downstream_cx_transport_socket_connect_timeout
downstream_global_cx_overflow downstream_listener_filter_error downstream_listener_filter_remote_close downstream_pre_cx_timeout
extension_config_missing network_extension_config_missing no_filter_chain_match`;

export interface ListenerContext extends RouteSourceContext {
  store: StatsStore;
  nodeCluster: string;
  /** Makes what writes the access log of a connection manager. */
  accessLog(configurations: readonly AccessLog[]): StreamObserver | undefined;
  observers: readonly StreamObserver[];
  /** What the admin interface says of this proxy's health. */
  healthcheck: { readonly failed: boolean };
}

export class Listener implements ListenerStatus {
  readonly name: string;
  address: string;
  readonly #configuration: Configuration;
  readonly #server: Server;
  readonly #manager: ConnectionManager;
  readonly #bind: { host: string; port: number };
  readonly #highMark: number;
  readonly #cxTotal: Counter;
  readonly #cxActive: Gauge;
  readonly #cxDestroy: Counter;
  readonly #cxLengthMs: Histogram;
  readonly #workerTotal: Counter;
  readonly #workerActive: Gauge;

  constructor(configuration: Configuration, context: ListenerContext) {
    this.#configuration = configuration;
    this.#bind = bindAddress(configuration);
    this.address = formatAddress(this.#bind.host, this.#bind.port);
    this.name = configuration.name || this.address;
    const scope = context.store.scope(`listener.${configuration.statPrefix || this.address.replaceAll(':', '_')}.`);
    for (const name of silentCounters.split(/\s+/)) scope.counter(name);
    scope.gauge('downstream_pre_cx_active');
    this.#cxTotal = scope.counter('downstream_cx_total');
    this.#cxActive = scope.gauge('downstream_cx_active');
    this.#cxDestroy = scope.counter('downstream_cx_destroy');
    this.#cxLengthMs = scope.histogram('downstream_cx_length_ms');
    scope.histogram('connections_accepted_per_socket_event');
    this.#workerTotal = scope.counter('worker_0.downstream_cx_total');
    this.#workerActive = scope.gauge('worker_0.downstream_cx_active');
    this.#highMark = configuration.perConnectionBufferLimitBytes ?? defaultHighMark;
    const managerConfiguration = managerOf(configuration);
    const log = context.accessLog(managerConfiguration.accessLog);
    this.#manager = new ConnectionManager(managerConfiguration, {
      store: context.store,
      nodeCluster: context.nodeCluster,
      cluster: name => context.cluster(name),
      compose: (action, cluster) => context.compose(action, cluster),
      compileFilterConfig: any => context.compileFilterConfig(any),
      runtime: context.runtime,
      xds: context.xds,
      listenerScope: scope,
      listenerName: this.name,
      bufferLimit: this.#highMark,
      healthcheck: context.healthcheck,
      observers: log === undefined ? context.observers : [log, ...context.observers],
      onConnectionClosed: lengthMs => this.#onConnectionClosed(lengthMs),
    });
    this.#server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, socket =>
      this.#accept(socket),
    );
  }

  /** Ends when requests may come: the routes are there. */
  prepare(): Promise<void> {
    return this.#manager.routes.start();
  }

  /** Where its routes came from, if they did not stand in its own configuration. */
  get dynamicRoutes(): DynamicResource | undefined {
    return this.#manager.routes.dynamic;
  }

  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const backlog = this.#configuration.tcpBacklogSize ?? 4096;
    this.#server.once('error', error => reject(new Error(`cannot bind '${this.address}': ${bindReason(error)}`)));
    this.#server.listen({ ...this.#bind, backlog, exclusive: true }, () => {
      const bound = this.#server.address();
      if (bound !== null && typeof bound === 'object') this.address = formatAddress(bound.address, bound.port);
      resolve();
    });
    return promise;
  }

  #accept(socket: Socket): void {
    this.#cxTotal.increment();
    this.#cxActive.increment();
    this.#workerTotal.increment();
    this.#workerActive.increment();
    this.#manager.accept(openTransport(socket, this.#highMark));
  }

  #onConnectionClosed(lengthMs: number): void {
    this.#cxActive.decrement();
    this.#workerActive.decrement();
    this.#cxDestroy.increment();
    this.#cxLengthMs.record(Math.round(lengthMs));
  }

  /** Accepts no more; connections end after the request that is under way. */
  drain(): void {
    this.stopAccepting();
    this.#manager.drain();
  }

  stopAccepting(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Resolves when there is no connection. */
  empty(): Promise<void> {
    return this.#manager.empty();
  }

  destroy(): void {
    this.stopAccepting();
    this.#manager.destroy();
  }
}

function bindAddress(configuration: Configuration): { host: string; port: number } {
  const address = configuration.address?.address;
  if (address?.case !== 'socketAddress')
    throw new Error(`listener ${configuration.name}: address is not a socket address`);
  const { portSpecifier } = address.value;
  return { host: address.value.address, port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0 };
}

function managerOf(configuration: Configuration): HttpConnectionManager {
  const filter = configuration.filterChains[0]?.filters.at(-1);
  const any = filter?.configType.case === 'typedConfig' ? filter.configType.value : undefined;
  const manager = typedConfig<HttpConnectionManager>(any, managerType);
  if (manager === undefined) throw new Error(`listener ${configuration.name}: no HTTP connection manager`);
  return manager;
}

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EACCES') return 'Permission denied';
  return error.code === 'EADDRNOTAVAIL' ? 'Cannot assign requested address' : error.message;
}
