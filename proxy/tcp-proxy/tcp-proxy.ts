/**
 * The TCP proxy of one filter chain: connects each client's connection to a host of a cluster and passes bytes both ways.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter
 */
import { type InterimLogs, interimLogs } from '../access-log/interim-logs.ts';
import type { TcpProxy as Configuration } from '../api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import { type DeadlineQueue, deadlineQueue } from '../deadlines.ts';
import { milliseconds } from '../duration.ts';
import type { ExplainedChain } from '../explain/explained-chain.ts';
import {
  type ConnectionFacts,
  type FailedConnection,
  noFacts,
  type TerminalFilter,
} from '../listener/network-filter.ts';
import { OpenConnections } from '../listener/open-connections.ts';
import type { Transport } from '../net/transport.ts';
import type { CameRoutes } from '../routing/route-source.ts';
import { type StatsStore, sanitizeStatsName } from '../stats/store.ts';
import type { ChainFacts, StreamInfo, StreamObserver } from '../stream-info.ts';
import { connectionInfo, ProxiedConnection } from './proxied-connection.ts';
import { TcpProxyStats } from './tcp-proxy-stats.ts';

export interface TcpProxyContext {
  store: StatsStore;
  listenerName: string;
  chain: ChainFacts;
  /** Bytes that may wait to be sent, to either side. */
  bufferLimit: number;
  /** The cluster as it is now: ask again for each connection. */
  cluster(name: string): Cluster | undefined;
  /** Hears of every connection that is over. */
  observer: StreamObserver | undefined;
  /** Undefined: no connection is explained. */
  explained: ExplainedChain | undefined;
  /** @param connection what is logged of it */
  onConnectionClosed(lengthMs: number, connection: StreamInfo): void;
}

const oneHourMs = 3_600_000;

const interimTypes = { start: 'TcpUpstreamConnected', periodic: 'TcpPeriodic', tunnel: '' };

export class TcpProxy implements TerminalFilter {
  readonly cameRoutes: CameRoutes | undefined = undefined;
  readonly stats: TcpProxyStats;
  readonly context: TcpProxyContext;
  readonly statPrefix: string;
  readonly maxConnectAttempts: number;
  /** 0: for ever. */
  readonly maxDurationMs: number;
  readonly idleQueue: DeadlineQueue | undefined;
  /** Undefined: connections are logged at their end alone. */
  readonly interimLogs: InterimLogs | undefined;
  readonly #connections = new OpenConnections<ProxiedConnection>();
  readonly #shares: readonly { name: string; weight: number }[];
  readonly #isWeighted: boolean;
  readonly #totalWeight: number;

  constructor(configuration: Configuration, context: TcpProxyContext) {
    this.context = context;
    this.statPrefix = configuration.statPrefix;
    this.stats = new TcpProxyStats(context.store.scope(`tcp.${sanitizeStatsName(configuration.statPrefix)}.`));
    this.maxConnectAttempts = configuration.maxConnectAttempts ?? 1;
    this.maxDurationMs = milliseconds(configuration.maxDownstreamConnectionDuration, 0);
    const idleMs = milliseconds(configuration.idleTimeout, oneHourMs);
    this.idleQueue = idleMs > 0 ? deadlineQueue(idleMs) : undefined;
    this.interimLogs = interimLogsOf(configuration, context.observer);
    this.#shares = sharesOf(configuration);
    this.#isWeighted = configuration.clusterSpecifier.case === 'weightedClusters';
    this.#totalWeight = this.#shares.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** The cluster that the next connection goes to, and its place among the weighted ones; undefined: there is but one. */
  chooseCluster(): { name: string; share: number | undefined } {
    if (!this.#isWeighted) return { name: this.#shares[0]!.name, share: undefined };
    let left = Math.random() * this.#totalWeight;
    const found = this.#shares.findIndex(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    const share = found === -1 ? this.#shares.length - 1 : found;
    return { name: this.#shares[share]!.name, share };
  }

  accept(transport: Transport, facts: ConnectionFacts): void {
    const connection = new ProxiedConnection(this, transport, facts);
    this.#connections.add(connection);
    connection.start();
  }

  refused(connection: FailedConnection): void {
    this.stats.cxTotal.increment();
    const info = failedConnectionInfo(this, connection);
    this.context.onConnectionClosed(info.durationMs, info);
    this.context.observer?.(info);
    this.context.explained?.refused(connection);
  }

  onConnectionClosed(connection: ProxiedConnection): void {
    this.#connections.delete(connection);
    const { info } = connection;
    // As with Envoy, the listener's log comes first.
    this.context.onConnectionClosed(info.durationMs, info);
    this.context.observer?.(info);
  }

  async prepare(): Promise<void> {}

  /** Nobody knows where bytes may be cut: connections live until their ends close them, or until `destroy`. */
  drain(): void {}

  empty(): Promise<void> {
    return this.#connections.empty();
  }

  destroy(): void {
    for (const connection of this.#connections) connection.close('drain');
  }
}

/** The fields beside the options are deprecated: without them they still hold. */
function interimLogsOf(configuration: Configuration, log: StreamObserver | undefined): InterimLogs | undefined {
  const { accessLogFlushInterval, flushAccessLogOnConnected } = configuration.accessLogOptions ?? configuration;
  const intervalMs = milliseconds(accessLogFlushInterval, 0);
  return interimLogs(log, { atStart: flushAccessLogOnConnected, intervalMs, atTunnel: false }, interimTypes);
}

function failedConnectionInfo(proxy: TcpProxy, connection: FailedConnection): StreamInfo {
  const info = connectionInfo(proxy, connection, {
    ...noFacts,
    serverName: connection.serverName,
    tls: connection.tls,
    connection: connection.connection,
  });
  info.flags = connection.flags;
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
