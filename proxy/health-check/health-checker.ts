/** Looks at the hosts of a cluster at intervals, and takes those out that are not well. */
import { CodecClientType } from '../api/enums.js';
import type { HealthCheck as Configuration } from '../api/envoy/config/core/v3/health_check_pb.js';
import type { Host } from '../cluster/host.ts';
import type { SourceAddress } from '../cluster/source-address.ts';
import type { JsonObject } from '../configuration/json.ts';
import { milliseconds } from '../duration.ts';
import { defaultLimits } from '../http/codec.ts';
import { ClientConnection } from '../http1/client-connection.ts';
import { Http2ClientConnection } from '../http2/client-connection.ts';
import type { Http2Context } from '../http2/context.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StatsScope } from '../stats/store.ts';
import type { TlsClient } from '../tls/tls-client.ts';
import { CheckerStats } from './checker-stats.ts';
import { GrpcProbe } from './grpc-probe.ts';
import { HealthSession, type SessionOwner, type SessionSettings } from './health-session.ts';
import { HttpProbe, HttpProbeSettings } from './http-probe.ts';
import type { Probe, ProbeTarget } from './probe.ts';
import type { ProbeConnection } from './request-probe.ts';
import { TcpProbe } from './tcp-probe.ts';

/** What a checker needs of its cluster. */
export interface CheckedCluster {
  readonly name: string;
  /** Where a connection to a host comes from; undefined: the system chooses. */
  sourceFor(host: string): SourceAddress | undefined;
  /**
   * How its connections are encrypted; undefined where they are not.
   * @param said what metadata say of it
   */
  tlsFor(said: JsonObject | undefined): TlsClient | undefined;
  /** What its connections of HTTP/2 share. */
  readonly http2Context: Http2Context;
  /** Whether anybody ever used it: otherwise it is looked at more rarely. */
  hasTraffic(): boolean;
  /** A host passed a check. */
  onHealthCheckPassed(host: Host): void;
  /** The health of a host is not what it was. */
  onHealthChanged(host: Host): void;
}

const noTrafficMs = 60_000;

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking */
export class HealthChecker implements SessionOwner {
  readonly #configuration: Configuration;
  readonly #cluster: CheckedCluster;
  readonly #settings: SessionSettings;
  readonly #probeOf: (host: Host) => Probe;
  readonly #sessions = new Map<Host, HealthSession>();
  readonly #whenChecked: (() => void)[] = [];

  /** @param scope of the cluster */
  constructor(
    configuration: Configuration,
    cluster: CheckedCluster,
    scope: StatsScope,
    runtime: RuntimeValues | undefined,
  ) {
    this.#configuration = configuration;
    this.#cluster = cluster;
    const stats = new CheckerStats(scope);
    this.#settings = {
      timeoutMs: milliseconds(configuration.timeout, 0),
      unhealthyThreshold: configuration.unhealthyThreshold ?? 0,
      healthyThreshold: configuration.healthyThreshold ?? 0,
      initialDelayMs: () => randomBelow(milliseconds(configuration.initialJitter, 0)),
      nextIntervalMs: intervalsOf(configuration, cluster, runtime),
      stats,
    };
    this.#probeOf = this.#makeProbes(stats);
  }

  #makeProbes(stats: CheckerStats): (host: Host) => Probe {
    const { healthChecker: check, reuseConnection: reuse = true, transportSocketMatchCriteria } = this.#configuration;
    const criteria = transportSocketMatchCriteria as JsonObject | undefined;
    const tlsFor = (host: Host) => this.#cluster.tlsFor(criteria ?? host.socketMatch);
    const connectionOf = (host: Host, speaks2: boolean): ProbeConnection => ({
      tls: tlsFor(host),
      reuse,
      open: (transport, owner) =>
        speaks2
          ? new Http2ClientConnection(transport, owner, this.#cluster.http2Context)
          : new ClientConnection(transport, owner, defaultLimits),
    });
    if (check.case === 'httpHealthCheck') {
      const { host: named, codecClientType } = check.value;
      const settings = new HttpProbeSettings(check.value, () => stats.verifyCluster.increment());
      const speaks2 = codecClientType === CodecClientType.HTTP2;
      return host => new HttpProbe(settings, host, this.#targetOf(host, named), connectionOf(host, speaks2));
    }
    if (check.case === 'grpcHealthCheck')
      return host => new GrpcProbe(check.value, this.#targetOf(host, ''), connectionOf(host, true));
    if (check.case === 'tcpHealthCheck')
      return host => new TcpProbe(check.value, this.#targetOf(host, ''), tlsFor(host), reuse);
    throw new Error('a health check takes http_health_check, tcp_health_check or grpc_health_check');
  }

  #targetOf(host: Host, named: string): ProbeTarget {
    const address = host.check.address || host.address;
    return {
      address,
      source: this.#cluster.sourceFor(address),
      port: host.check.port || host.port,
      authority: host.check.hostname || named || this.#cluster.name,
    };
  }

  /** Looks at these hosts, and no more at others. Ends when each was judged once. */
  setHosts(hosts: readonly Host[]): Promise<void> {
    const now = new Set(hosts);
    for (const [host, session] of this.#sessions) {
      if (now.has(host)) continue;
      this.#sessions.delete(host);
      host.activeCheck = undefined;
      session.stop();
    }
    for (const host of now) if (!this.#sessions.has(host) && !host.check.disabled) this.#add(host);
    return new Promise(resolve => {
      this.#whenChecked.push(resolve);
      this.#tellChecked();
    });
  }

  #add(host: Host): void {
    const session = new HealthSession(host, this.#probeOf(host), this.#settings, this);
    this.#sessions.set(host, session);
    host.activeCheck = session;
    session.start();
  }

  onChecked(host: Host, passed: boolean, changed: boolean): void {
    if (passed) this.#cluster.onHealthCheckPassed(host);
    if (changed) this.#cluster.onHealthChanged(host);
    this.#tellChecked();
  }

  #tellChecked(): void {
    if (this.#whenChecked.length === 0) return;
    for (const { pending } of this.#sessions.values()) if (pending) return;
    for (const tell of this.#whenChecked.splice(0)) tell();
  }

  stop(): void {
    void this.setHosts([]);
  }
}

function intervalsOf(
  configuration: Configuration,
  cluster: CheckedCluster,
  runtime: RuntimeValues | undefined,
): SessionSettings['nextIntervalMs'] {
  const usual = milliseconds(configuration.interval, 0);
  const unhealthy = milliseconds(configuration.unhealthyInterval, usual);
  const unhealthyEdge = milliseconds(configuration.unhealthyEdgeInterval, unhealthy);
  const healthyEdge = milliseconds(configuration.healthyEdgeInterval, usual);
  const idle = milliseconds(configuration.noTrafficInterval, noTrafficMs);
  const idleHealthy = milliseconds(configuration.noTrafficHealthyInterval, idle);
  const jitter = milliseconds(configuration.intervalJitter, 0);
  const base = (state: 'healthy' | 'unhealthy', pending: boolean): number => {
    if (!cluster.hasTraffic()) return state === 'healthy' && !pending ? idleHealthy : idle;
    if (state === 'unhealthy') return pending ? unhealthyEdge : unhealthy;
    return pending ? healthyEdge : usual;
  };
  return (state, pending) => {
    const ms = base(state, pending);
    const spread = ms + randomBelow((ms * configuration.intervalJitterPercent) / 100) + randomBelow(jitter);
    const most = runtime?.getNumber('health_check.max_interval', spread) ?? spread;
    const least = runtime?.getNumber('health_check.min_interval', 0) ?? 0;
    return Math.max(1, least, Math.min(spread, most));
  };
}

const randomBelow = (most: number): number => Math.floor(Math.random() * most);
