/** A client's connection and the one to the host that serves it. */

import type { Cluster } from '../cluster/cluster.ts';
import type { TcpConnection } from '../cluster/tcp-connection.ts';
import type { ConnectFailure, UpstreamSocketOwner } from '../cluster/upstream-socket.ts';
import { Deadline, type Limited } from '../deadlines.ts';
import type { ConnectionFacts } from '../listener/network-filter.ts';
import { nobody, type Transport, type TransportHandler } from '../net/transport.ts';
import type { Traffic } from '../stats/traffic.ts';
import { flag, StreamInfo } from '../stream-info.ts';
import type { TcpProxy } from './tcp-proxy.ts';

let nextConnectionId = 0;

/** What the access log will say of a connection from its start. */
export function connectionInfo(
  proxy: TcpProxy,
  { localAddress, remoteAddress }: Pick<Transport, 'localAddress' | 'remoteAddress'>,
  facts: ConnectionFacts,
): StreamInfo {
  const info = new StreamInfo();
  info.protocol = '';
  info.accessLogType = 'TcpConnectionEnd';
  info.connectionId = nextConnectionId++;
  info.listenerName = proxy.context.listenerName;
  info.statPrefix = proxy.statPrefix;
  info.requestedServerName = facts.serverName;
  info.tls = facts.tls;
  info.downstreamLocalAddress = facts.localAddress ?? localAddress;
  info.downstreamRemoteAddress = facts.remoteAddress ?? remoteAddress;
  info.downstreamDirectRemoteAddress = remoteAddress;
  return info;
}

export class ProxiedConnection implements UpstreamSocketOwner, Limited {
  readonly info: StreamInfo;
  readonly deadline: Deadline = new Deadline(this);
  readonly #proxy: TcpProxy;
  readonly #client: Transport;
  readonly #startedMs = performance.now();
  #upstream: TcpConnection | undefined;
  #attempts = 0;
  #over = false;
  #clientEnded = false;
  readonly #traffic: Traffic;
  #maxDuration: NodeJS.Timeout | undefined;

  constructor(proxy: TcpProxy, client: Transport, facts: ConnectionFacts) {
    this.#proxy = proxy;
    this.#client = client;
    this.info = connectionInfo(proxy, client, facts);
    this.info.startMs = performance.timeOrigin + this.#startedMs;
    proxy.stats.cxTotal.increment();
    this.#traffic = proxy.stats.traffic.open(client);
  }

  /** Looks for a host; until there is one, the client is not read. */
  start(): void {
    this.#client.pause();
    this.#client.handler = this.#fromClient();
    const { maxDurationMs } = this.#proxy;
    if (maxDurationMs > 0) this.#maxDuration = setTimeout(() => this.#onMaxDuration(), maxDurationMs);
    this.info.clusterName = this.#proxy.chooseCluster();
    this.#connect();
  }

  #connect(): void {
    const cluster = this.#proxy.context.cluster(this.info.clusterName);
    if (cluster === undefined) {
      this.#proxy.stats.cxNoRoute.increment();
      this.#fail(flag.NO_CLUSTER_FOUND);
      return;
    }
    if (this.#attempts >= this.#proxy.maxConnectAttempts) {
      cluster.stats.cxConnectAttemptsExceeded.increment();
      this.#fail(flag.UPSTREAM_RETRY_LIMIT_EXCEEDED);
      return;
    }
    this.#attempts++;
    this.info.upstreamAttemptCount = this.#attempts;
    this.#open(cluster);
  }

  #open(cluster: Cluster): void {
    const opened = cluster.connect(this);
    if (opened === 'overflow') this.#fail(flag.UPSTREAM_OVERFLOW);
    else if (opened === 'no-healthy-host') this.#fail(flag.NO_HEALTHY_UPSTREAM);
    else {
      this.#upstream = opened;
      this.info.upstreamHost = opened.host.name;
    }
  }

  #fail(bit: number): void {
    this.info.flags |= bit;
    this.close();
  }

  onConnected(transport: Transport): void {
    this.info.upstreamLocalAddress = transport.localAddress;
    this.info.upstreamConnectionId = this.#upstream?.id ?? 0;
    this.info.upstreamTls = this.#upstream?.tls;
    transport.handler = this.#fromHost();
    this.#client.resume();
    if (this.#clientEnded) transport.end();
    this.#touch();
  }

  onConnectFailed(failure: ConnectFailure, transportFailure: string): void {
    this.#upstream = undefined;
    this.info.flags |= flag.UPSTREAM_CONNECTION_FAILURE;
    if (failure === 'connection-failure') this.info.upstreamTransportFailureReason = transportFailure;
    this.#connect();
  }

  #fromClient(): TransportHandler {
    return {
      onRead: chunk => this.#passToHost(chunk),
      onEnd: () => this.#onClientEnd(),
      onClose: () => this.close(),
      onDrain: () => this.#upstream?.resumeReading(),
    };
  }

  #fromHost(): TransportHandler {
    return {
      onRead: chunk => this.#passToClient(chunk),
      onEnd: () => this.#client.end(),
      onClose: error => this.#onHostClosed(error),
      onDrain: () => {
        this.#proxy.stats.flowResumed.increment();
        this.#client.resume();
      },
    };
  }

  #passToHost(chunk: Buffer): void {
    const host = this.#upstream?.transport;
    if (host === undefined) return;
    send(host, chunk);
    if (host.congested) {
      this.#proxy.stats.flowPaused.increment();
      this.#client.pause();
    }
    this.#touch();
  }

  #passToClient(chunk: Buffer): void {
    send(this.#client, chunk);
    if (this.#client.congested) this.#upstream?.pauseReading();
    this.#touch();
  }

  #onClientEnd(): void {
    this.#clientEnded = true;
    this.#upstream?.transport?.end();
  }

  /** The host's last bytes still go to the client. */
  #onHostClosed(error: NodeJS.ErrnoException | undefined): void {
    if (this.#over) return;
    this.#upstream?.onClosed(true);
    this.#upstream = undefined;
    if (error === undefined && this.#client.unsent > 0) {
      this.#client.resume();
      this.#client.end();
      return;
    }
    this.close();
  }

  #touch(): void {
    const { idleQueue } = this.#proxy;
    if (idleQueue !== undefined && !this.#over) this.deadline.set(idleQueue);
  }

  onDeadline(): void {
    this.#proxy.stats.idleTimeout.increment();
    this.close();
  }

  #onMaxDuration(): void {
    this.#proxy.stats.maxDuration.increment();
    this.info.flags |= flag.DURATION_TIMEOUT;
    this.close();
  }

  /** Ends both sides at once, whoever wanted it. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.deadline.clear();
    clearTimeout(this.#maxDuration);
    this.#upstream?.close();
    this.#client.handler = nobody;
    this.#client.destroy();
    this.#traffic.close();
    this.info.bytesReceived = this.#client.bytesRead;
    this.info.bytesSent = this.#client.bytesWritten;
    this.info.durationMs = performance.now() - this.#startedMs;
    this.#proxy.onConnectionClosed(this);
  }
}

/** At once: who speaks TCP may wait for each byte. */
function send(to: Transport, chunk: Buffer): void {
  to.write(chunk);
  if (chunk.length > 0) to.flush();
}
