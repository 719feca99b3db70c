/**
 * The TCP proxy of one filter chain: connects each client's connection to a host of a cluster and passes bytes both ways.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter
 */
import type { DynamicResource } from '../admin-source.ts';
import type { TcpProxy as Configuration } from '../api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import { type DeadlineQueue, deadlineQueue } from '../deadlines.ts';
import { milliseconds } from '../duration.ts';
import {
  type ConnectionFacts,
  type FailedConnection,
  noFacts,
  type TerminalFilter,
} from '../listener/network-filter.ts';
import { OpenConnections } from '../listener/open-connections.ts';
import type { Transport } from '../net/transport.ts';
import { type StatsStore, sanitizeStatsName } from '../stats/store.ts';
import type { StreamInfo, StreamObserver } from '../stream-info.ts';
import { connectionInfo, ProxiedConnection } from './proxied-connection.ts';
import { TcpProxyStats } from './tcp-proxy-stats.ts';

export interface TcpProxyContext {
  store: StatsStore;
  listenerName: string;
  /** Bytes that may wait to be sent, to either side. */
  bufferLimit: number;
  /** The cluster as it is now: ask again for each connection. */
  cluster(name: string): Cluster | undefined;
  /** Hears of every connection that is over. */
  observer: StreamObserver | undefined;
  onConnectionClosed(lengthMs: number): void;
}

const oneHourMs = 3_600_000;

export class TcpProxy implements TerminalFilter {
  readonly dynamicRoutes: DynamicResource | undefined = undefined;
  readonly stats: TcpProxyStats;
  readonly context: TcpProxyContext;
  readonly statPrefix: string;
  readonly maxConnectAttempts: number;
  /** 0: for ever. */
  readonly maxDurationMs: number;
  readonly idleQueue: DeadlineQueue | undefined;
  readonly #connections = new OpenConnections<ProxiedConnection>();
  readonly #shares: readonly { name: string; weight: number }[];
  readonly #totalWeight: number;

  constructor(configuration: Configuration, context: TcpProxyContext) {
    this.context = context;
    this.statPrefix = configuration.statPrefix;
    this.stats = new TcpProxyStats(context.store.scope(`tcp.${sanitizeStatsName(configuration.statPrefix)}.`));
    this.maxConnectAttempts = configuration.maxConnectAttempts ?? 1;
    this.maxDurationMs = milliseconds(configuration.maxDownstreamConnectionDuration, 0);
    const idleMs = milliseconds(configuration.idleTimeout, oneHourMs);
    this.idleQueue = idleMs > 0 ? deadlineQueue(idleMs) : undefined;
    this.#shares = sharesOf(configuration);
    this.#totalWeight = this.#shares.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** The name of the cluster that the next connection goes to. */
  chooseCluster(): string {
    if (this.#shares.length === 1) return this.#shares[0]!.name;
    let left = Math.random() * this.#totalWeight;
    for (const { name, weight } of this.#shares) {
      left -= weight;
      if (left < 0) return name;
    }
    return this.#shares.at(-1)!.name;
  }

  accept(transport: Transport, facts: ConnectionFacts): void {
    const connection = new ProxiedConnection(this, transport, facts);
    this.#connections.add(connection);
    connection.start();
  }

  refused(connection: FailedConnection): void {
    this.stats.cxTotal.increment();
    this.context.observer?.(failedConnectionInfo(this, connection));
    this.context.onConnectionClosed(connection.durationMs);
  }

  onConnectionClosed(connection: ProxiedConnection): void {
    this.#connections.delete(connection);
    this.context.observer?.(connection.info);
    this.context.onConnectionClosed(connection.info.durationMs);
  }

  async prepare(): Promise<void> {}

  /** Nobody knows where bytes may be cut: connections live until their ends close them, or until `destroy`. */
  drain(): void {}

  empty(): Promise<void> {
    return this.#connections.empty();
  }

  destroy(): void {
    for (const connection of this.#connections) connection.close();
  }
}

function failedConnectionInfo(proxy: TcpProxy, connection: FailedConnection): StreamInfo {
  const info = connectionInfo(proxy, connection, { ...noFacts, serverName: connection.serverName });
  info.startMs = performance.timeOrigin + performance.now() - connection.durationMs;
  info.durationMs = connection.durationMs;
  info.downstreamTransportFailureReason = connection.reason;
  return info;
}

function sharesOf({ clusterSpecifier: specifier }: Configuration): { name: string; weight: number }[] {
  if (specifier.case === 'weightedClusters')
    return specifier.value.clusters.map(({ name, weight }) => ({ name, weight }));
  if (specifier.case === 'cluster') return [{ name: specifier.value, weight: 1 }];
  throw new Error('a TCP proxy takes cluster or weighted_clusters');
}
