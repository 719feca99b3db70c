/** A cluster's connections to its hosts: how they are made, what they carry, and the pools that keep them. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { Http2Context } from '../http2/context.ts';
import { Http2Stats } from '../http2/stats.ts';
import { serverNameKey } from '../stated-filter-state.ts';
import type { StatsScope } from '../stats/store.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { PeerName, TlsClient } from '../tls/tls-client.ts';
import type { Exchange } from '../upstream/upstream.ts';
import type { Priority } from './cluster.ts';
import type { ClusterContext } from './cluster-context.ts';
import type { ClusterStats } from './cluster-stats.ts';
import { type ConnectionSettings, connectionSettings } from './connection-settings.ts';
import type { Host } from './host.ts';
import { HostPools } from './host-pools.ts';
import { offeredProtocols, Pool, type PoolProtocol } from './pool.ts';
import { type ProtocolOptions, protocolOptions } from './protocol-options.ts';
import type { ResourceLimits } from './resource-limits.ts';
import type { SourceAddress } from './source-address.ts';
import { openTcp } from './tcp-request.ts';
import type { UpstreamSocketOptions } from './upstream-socket.ts';

/** What they share with the cluster. */
export interface ConnectedCluster {
  readonly scope: StatsScope;
  readonly stats: ClusterStats;
  readonly limits: Record<Priority, ResourceLimits>;
  /** How those to a host are encrypted whose metadata say this; undefined: not at all. */
  tlsFor(said: JsonObject | undefined): TlsClient | undefined;
}

export class ClusterConnections {
  readonly #cluster: ConnectedCluster;
  readonly #settings: ConnectionSettings;
  readonly #options: ProtocolOptions;
  readonly #preconnectRatio: number;
  /** Undefined until a request comes. */
  #pools: HostPools | undefined;
  #http2: Http2Context | undefined;

  constructor(configuration: Configuration, context: ClusterContext, cluster: ConnectedCluster) {
    this.#cluster = cluster;
    this.#settings = connectionSettings(configuration, context);
    this.#options = protocolOptions(configuration);
    this.#preconnectRatio = configuration.preconnectPolicy?.perUpstreamPreconnectRatio ?? 1;
  }

  /** Milliseconds that a stream may take; 0: for ever. */
  get maxStreamDurationMs(): number {
    return this.#options.maxStreamDurationMs;
  }

  /** What those of HTTP/2 share. */
  get http2Context(): Http2Context {
    const { http2Options: options, limits } = this.#options;
    const { highMark } = this.#settings;
    const { scope } = this.#cluster;
    this.#http2 ??= { options, limits, stats: new Http2Stats(scope.scope('http2.')), highMark, lingerMs: 0 };
    return this.#http2;
  }

  /** Where those to a host come from; undefined: from where the system says. */
  sourceFor(host: string): SourceAddress | undefined {
    return this.#settings.source?.(host);
  }

  /** Sends a request to a host. */
  open(host: Host, priority: Priority, exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender {
    if (exchange.asTcp) return openTcp(this.tcpOptions(host, priority, exchange.info), exchange, end, receiver);
    const name =
      this.#cluster.tlsFor(host.socketMatch) && this.#options.naming.of(exchange.head, statedName(exchange.info));
    this.#pools ??= new HostPools((...of) => this.#makePool(...of));
    return this.#pools.get(host, priority, this.#protocolFor(exchange), name).open(exchange, end, receiver);
  }

  /** Of connections that carry no HTTP. @param info what they are for */
  tcpOptions(host: Host, priority: Priority, info?: StreamInfo): UpstreamSocketOptions {
    const { stats, limits } = this.#cluster;
    const tls = this.#cluster.tlsFor(host.socketMatch);
    const name = tls && info && statedName(info);
    const peerName = name ? this.#options.naming.stated(name) : undefined;
    return { host, stats, limits: limits[priority], ...this.#settings, tls, applicationProtocols: [], peerName };
  }

  /** The host left: its connections end with their requests. */
  drop(host: Host): void {
    this.#pools?.drop(host);
  }

  /** All end with their requests. */
  drain(): void {
    for (const pool of this.#pools ?? []) pool.drain();
  }

  destroy(): void {
    for (const pool of this.#pools ?? []) pool.destroy();
  }

  #protocolFor({ info }: Exchange): PoolProtocol {
    const { protocol } = this.#options;
    if (protocol !== 'downstream') return protocol;
    return info.protocol === 'HTTP/2' ? 'HTTP/2' : 'HTTP/1.1';
  }

  #makePool(host: Host, priority: Priority, protocol: PoolProtocol, peerName: PeerName | undefined): Pool {
    return new Pool({
      ...this.tcpOptions(host, priority),
      protocol,
      peerName,
      http2: () => this.http2Context,
      preconnectRatio: this.#preconnectRatio,
      applicationProtocols: offeredProtocols[protocol],
      idleTimeoutMs: this.#options.idleTimeoutMs,
      maxRequestsPerConnection: this.#options.maxRequestsPerConnection,
      maxConnectionDurationMs: this.#options.maxConnectionDurationMs,
      limitsOfHeads: this.#options.limits,
      http1: this.#options.http1Options,
    });
  }
}

const statedName = ({ filterState }: StreamInfo): string | undefined => filterState?.get(serverNameKey)?.text;
