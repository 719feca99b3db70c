/** A client's connection and the one to the host that serves it. */
import { randomUUID } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { TcpConnection } from '../cluster/tcp-connection.ts';
import type { ConnectFailure, UpstreamSocketOwner } from '../cluster/upstream-socket.ts';
import { timesOf } from '../connection-times.ts';
import { Deadline, type Limited } from '../deadlines.ts';
import type { ConnectionDecisions, ConnectionEnd } from '../explain/connection-decisions.ts';
import { WireBytes } from '../http/wire-bytes.ts';
import type { ConnectionFacts } from '../listener/network-filter.ts';
import { downstreamIds } from '../net/connection-ids.ts';
import { nobody, type Transport, type TransportHandler } from '../net/transport.ts';
import type { Traffic } from '../stats/traffic.ts';
import { type Attempt, flag, StreamInfo } from '../stream-info.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Why no host was come by, as Envoy numbers it. */
const failure = { connect: 0, noHealthyHost: 1, resources: 2, noRoute: 3 } as const;

/** What the access log will say of a connection from its start. */
export function connectionInfo(
  proxy: TcpProxy,
  { localAddress, remoteAddress }: Pick<Transport, 'localAddress' | 'remoteAddress'>,
  facts: ConnectionFacts,
): StreamInfo {
  const info = facts.connection ?? new StreamInfo();
  info.protocol = '';
  info.streamId = randomUUID();
  info.downstreamBytes = new WireBytes();
  info.accessLogType = 'TcpConnectionEnd';
  info.connectionId ||= downstreamIds.next();
  info.listenerName = proxy.context.listenerName;
  const { chain } = proxy.context;
  info.filterChainName = chain.filterChainName;
  info.listenerDirection = chain.listenerDirection;
  info.listenerMetadata = chain.listenerMetadata;
  info.chainMetadata = chain.chainMetadata;
  info.statPrefix = proxy.statPrefix;
  info.requestedServerName = facts.serverName;
  info.ja3 = facts.ja3;
  info.ja4 = facts.ja4;
  info.connectionTimes ??= timesOf(facts.tls);
  info.tls = facts.tls;
  info.downstreamLocalAddress = facts.localAddress ?? localAddress;
  info.originalDestination = facts.localAddress ?? '';
  info.downstreamRemoteAddress = facts.remoteAddress ?? remoteAddress;
  info.downstreamDirectRemoteAddress = remoteAddress;
  info.downstreamDirectLocalAddress = localAddress;
  return info;
}

export class ProxiedConnection implements UpstreamSocketOwner, Limited {
  readonly info: StreamInfo;
  readonly deadline: Deadline = new Deadline(this);
  readonly #proxy: TcpProxy;
  readonly #client: Transport;
  readonly #startedMs = performance.now();
  #triedMs = -1;
  #upstream: TcpConnection | undefined;
  #attempts = 0;
  #over = false;
  #clientEnded = false;
  /** Who sent its end first. */
  #firstToEnd: 'client' | 'host' | undefined;
  readonly #traffic: Traffic;
  /** Undefined where nobody asked. */
  readonly #decisions: ConnectionDecisions | undefined;
  #maxDuration: NodeJS.Timeout | undefined;
  #interimLog: NodeJS.Timeout | undefined;

  constructor(proxy: TcpProxy, client: Transport, facts: ConnectionFacts) {
    this.#proxy = proxy;
    this.#client = client;
    this.info = connectionInfo(proxy, client, facts);
    this.info.startMs = performance.timeOrigin + this.#startedMs;
    this.info.begunMs = this.info.connectionTimes!.begunMs;
    proxy.stats.cxTotal.increment();
    this.#traffic = proxy.stats.traffic.open(client);
    this.#decisions = proxy.context.explained?.beginConnection();
  }

  /** Looks for a host; until there is one, the client is not read. */
  start(): void {
    this.#client.pause();
    this.#client.handler = this.#fromClient();
    const { maxDurationMs } = this.#proxy;
    if (maxDurationMs > 0) this.#maxDuration = setTimeout(() => this.#onMaxDuration(), maxDurationMs);
    this.info.clusterName = this.#chooseCluster();
    this.#connect();
  }

  #chooseCluster(): string {
    const { name, share } = this.#proxy.chooseCluster();
    const { namedCluster } = this.info;
    // As in Envoy, shares hold whatever a filter says.
    if (namedCluster === '' || share !== undefined) {
      this.#decisions?.cluster(name, share);
      return name;
    }
    this.#decisions?.namedCluster(namedCluster);
    return namedCluster;
  }

  #connect(): void {
    const cluster = this.#proxy.context.cluster(this.info.clusterName);
    if (cluster === undefined) {
      this.#proxy.stats.cxNoRoute.increment();
      this.#decisions?.noCluster(this.info.clusterName);
      this.#fail(flag.NO_CLUSTER_FOUND, failure.noRoute);
      return;
    }
    if (this.#attempts >= this.#proxy.maxConnectAttempts) {
      cluster.stats.cxConnectAttemptsExceeded.increment();
      this.#decisions?.triesSpent(this.#proxy.maxConnectAttempts);
      this.#fail(flag.UPSTREAM_RETRY_LIMIT_EXCEEDED, failure.connect);
      return;
    }
    this.#attempts++;
    this.#open(cluster);
  }

  #open(cluster: Cluster): void {
    this.#triedMs = this.elapsedMs();
    const opened = cluster.connect(this, this.info);
    if (opened === 'overflow') {
      this.#decisions?.overflowed(cluster.limits.default.connections.maximum);
      this.#fail(flag.UPSTREAM_OVERFLOW, failure.resources);
    } else if (opened === 'no-healthy-host') {
      this.#decisions?.noHost(cluster.name);
      this.#noteWait();
      this.#fail(flag.NO_HEALTHY_UPSTREAM, failure.noHealthyHost);
    } else {
      this.#upstream = opened;
      this.info.upstreamAttemptCount = this.#attempts;
      this.info.attempts.push(this.#attemptAt(opened.host));
      this.#decisions?.chose(cluster, opened.host);
      this.info.clusterMetadata = cluster.metadata;
      this.info.hostMetadata = opened.host.told;
      this.info.upstreamHost = opened.host.name;
      this.info.upstreamHostname = opened.host.hostname;
      this.info.upstreamLocality = opened.host;
    }
  }

  #attemptAt({ name, hostname }: Host): Attempt {
    return { host: name, hostname, connectionId: 0, status: 0, flags: 0, startMs: this.#triedMs, durationMs: -1 };
  }

  /** @param reason a number of Envoy's list of failures */
  #fail(bit: number, reason: number): void {
    this.info.flags |= bit;
    this.info.localCloseReason = `tcp_initializion_failure:${reason}`;
    this.close('no-host');
  }

  onConnected(transport: Transport): void {
    this.#decisions?.connected();
    this.info.upstreamLocalAddress = transport.localAddress;
    this.info.upstreamConnectionId = this.#upstream?.id ?? 0;
    this.info.attempts.at(-1)!.connectionId = this.info.upstreamConnectionId;
    this.info.upstreamTls = this.#upstream?.tls;
    this.info.upstreamTimes = this.#upstream?.times;
    this.#noteWait();
    transport.handler = this.#fromHost();
    this.info.upstreamBytes = new WireBytes();
    this.#interimLog = this.#proxy.interimLogs?.started(this);
    this.#client.resume();
    if (this.#clientEnded) transport.end();
    this.#touch();
  }

  onConnectFailed(failure: ConnectFailure, transportFailure: string): void {
    this.#upstream = undefined;
    this.#noteWait();
    this.#decisions?.connectFailed(transportFailure || failure.replaceAll('-', ' '));
    this.info.flags |= flag.UPSTREAM_CONNECTION_FAILURE;
    if (failure !== 'connection-timeout') this.info.upstreamTransportFailureReason = transportFailure;
    this.#connect();
  }

  #noteWait(): void {
    this.info.poolReadyMs = this.elapsedMs() - this.#triedMs;
  }

  #fromClient(): TransportHandler {
    return {
      onRead: chunk => this.#passToHost(chunk),
      onEnd: () => this.#onClientEnd(),
      onClose: () => this.close('client'),
      onDrain: () => this.#upstream?.resumeReading(),
    };
  }

  #fromHost(): TransportHandler {
    return {
      onRead: chunk => this.#passToClient(chunk),
      onEnd: () => {
        this.#firstToEnd ??= 'host';
        this.#client.end();
      },
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
    const { info } = this;
    info.bytesReceived += chunk.length;
    info.downstreamBytes!.received = info.bytesReceived;
    info.upstreamBytes!.sent = info.bytesReceived;
    send(host, chunk);
    if (host.congested) {
      this.#proxy.stats.flowPaused.increment();
      this.#client.pause();
    }
    this.#touch();
  }

  #passToClient(chunk: Buffer): void {
    const { info } = this;
    info.bytesSent += chunk.length;
    info.downstreamBytes!.sent = info.bytesSent;
    info.upstreamBytes!.received = info.bytesSent;
    send(this.#client, chunk);
    if (this.#client.congested) this.#upstream?.pauseReading();
    this.#touch();
  }

  #onClientEnd(): void {
    this.#clientEnded = true;
    this.#firstToEnd ??= 'client';
    this.#upstream?.transport?.end();
  }

  /** The host's last bytes still go to the client. */
  #onHostClosed(error: NodeJS.ErrnoException | undefined): void {
    if (this.#over) return;
    this.info.hostReset = this.#upstream?.transport?.wasReset ?? false;
    if (this.info.hostReset) this.info.flags |= flag.UPSTREAM_REMOTE_RESET;
    this.#upstream?.onClosed(true);
    this.#upstream = undefined;
    if (error === undefined && this.#client.unsent > 0) {
      this.#client.resume();
      this.#client.end();
      return;
    }
    this.close('host');
  }

  elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  #touch(): void {
    const { idleQueue } = this.#proxy;
    if (idleQueue !== undefined && !this.#over) this.deadline.set(idleQueue);
  }

  onDeadline(): void {
    this.#proxy.stats.idleTimeout.increment();
    this.#closesBecause('tcp_session_idle_timeout');
    this.close('idle');
  }

  #closesBecause(reason: string): void {
    this.info.localCloseReason = reason;
    if (this.#upstream !== undefined) this.info.upstreamLocalCloseReason = reason;
  }

  #onMaxDuration(): void {
    this.#proxy.stats.maxDuration.increment();
    this.info.flags |= flag.DURATION_TIMEOUT;
    this.#closesBecause('max_connection_duration_reached');
    this.close('max-duration');
  }

  /** Ends both sides at once. @param by whoever wanted it */
  close(by: ConnectionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.deadline.clear();
    clearTimeout(this.#maxDuration);
    clearInterval(this.#interimLog);
    this.#upstream?.close();
    this.#client.handler = nobody;
    if (this.info.hostReset) this.#client.reset();
    else this.#client.destroy();
    this.#traffic.close();
    // What a filter before this one stopped was received, too.
    this.info.bytesReceived = this.#client.bytesRead;
    this.info.clientReset = this.#client.wasReset;
    this.info.durationMs = this.elapsedMs();
    this.info.connectionTimes!.endedMs = performance.now();
    this.#proxy.onConnectionClosed(this);
    this.#decisions?.finish(this.info, by === 'client' || by === 'host' ? (this.#firstToEnd ?? by) : by);
  }
}

/** At once: who speaks TCP may wait for each byte. */
function send(to: Transport, chunk: Buffer): void {
  to.write(chunk);
  if (chunk.length > 0) to.flush();
}
