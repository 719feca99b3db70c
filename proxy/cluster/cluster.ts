/** A cluster: its hosts, how they are chosen, the pools to them, its limits and stats. */
import type { ClusterStatus } from '../admin-source.ts';
import { Cluster_DiscoveryType, Cluster_LbPolicy, RoutingPriority } from '../api/enums.js';
import type { Cluster as ClusterConfiguration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { milliseconds } from '../duration.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import { defaultHighMark } from '../net/transport.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope, StatsStore } from '../stats/store.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import { flag } from '../stream-info.ts';
import { deadSender, type Exchange, type Upstream } from '../upstream/upstream.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import { makePicker, type Picker, type Policy } from './balancer.ts';
import { ClusterStats } from './cluster-stats.ts';
import { EndpointDiscovery } from './endpoint-discovery.ts';
import type { Host } from './host.ts';
import { Maintenance } from './maintenance.ts';
import { Pool } from './pool.ts';
import { protocolOptions } from './protocol-options.ts';
import { hostsOf, Resolution } from './resolution.ts';
import { defaultThresholds, ResourceLimits, type Thresholds } from './resource-limits.ts';
import { TcpConnection, type TcpConnectionOwner } from './tcp-connection.ts';

export type Priority = 'default' | 'high';

/** What clusters take from the proxy that they are in. */
export interface ClusterContext {
  store: StatsStore;
  /** Undefined: no key has a value. */
  runtime?: RuntimeValues | undefined;
  /** Brings what comes while the proxy runs. */
  xds?: XdsContext | undefined;
}

export class Cluster implements ClusterStatus {
  readonly name: string;
  readonly observabilityName: string;
  readonly addedViaApi: boolean;
  readonly stats: ClusterStats;
  readonly limits: Record<Priority, ResourceLimits>;
  readonly trackTimeoutBudgets: boolean;
  readonly scope: StatsScope;
  readonly maintenance: Maintenance;
  hosts: readonly Host[] = [];
  readonly #configuration: ClusterConfiguration;
  readonly #policy: Policy;
  readonly #choiceCount: number;
  readonly #connectTimeoutMs: number;
  readonly #options: { idleTimeoutMs: number; maxRequestsPerConnection: number };
  readonly #pools = { default: new Map<Host, Pool>(), high: new Map<Host, Pool>() };
  readonly #upstreams: Record<Priority, Upstream>;
  #pick: Picker = () => undefined;
  /** What finds the hosts; undefined where the configuration names them. */
  readonly #discovery: Resolution | EndpointDiscovery | undefined;
  #started: Promise<void> | undefined;
  /** Whether hosts were ever told. */
  #published = false;
  readonly #updates: Counter;

  /** @param addedViaApi whether it came while the proxy runs */
  constructor(configuration: ClusterConfiguration, context: ClusterContext, addedViaApi = false) {
    this.#configuration = configuration;
    this.name = configuration.name;
    this.addedViaApi = addedViaApi;
    this.maintenance = new Maintenance(this.name, context.runtime);
    this.observabilityName = configuration.altStatName || configuration.name;
    this.scope = context.store.scope(`cluster.${sanitizeStatsName(this.observabilityName)}.`);
    this.stats = new ClusterStats(this.scope);
    this.#updates = context.store.counter('cluster_manager.cluster_updated');
    this.limits = {
      default: new ResourceLimits(
        thresholdsOf(configuration, RoutingPriority.DEFAULT),
        this.scope.scope('circuit_breakers.default.'),
      ),
      high: new ResourceLimits(
        thresholdsOf(configuration, RoutingPriority.HIGH),
        this.scope.scope('circuit_breakers.high.'),
      ),
    };
    this.trackTimeoutBudgets = configuration.trackTimeoutBudgets;
    this.#policy = policyOf(configuration);
    const { lbConfig } = configuration;
    this.#choiceCount = lbConfig.case === 'leastRequestLbConfig' ? (lbConfig.value.choiceCount ?? 2) : 2;
    this.#connectTimeoutMs = milliseconds(configuration.connectTimeout, 5000);
    this.#options = protocolOptions(configuration);
    this.#discovery = this.#discoveryOf(configuration, context);
    this.#upstreams = { default: this.#balanced('default'), high: this.#balanced('high') };
  }

  get thresholds(): { default: Thresholds; high: Thresholds } {
    return { default: this.limits.default.thresholds, high: this.limits.high.thresholds };
  }

  /** The innermost layers: choose a host, then its pool, which asks the breakers. */
  upstream(priority: Priority): Upstream {
    return this.#upstreams[priority];
  }

  /** Chooses a host and begins to connect to it, for bytes of one client alone; the owner hears how it went. */
  connect(owner: TcpConnectionOwner): TcpConnection | 'overflow' | 'no-healthy-host' {
    const limits = this.limits.default;
    if (!limits.connections.available) {
      this.stats.cxOverflow.increment();
      return 'overflow';
    }
    const host = this.#pick();
    if (host === undefined) {
      this.stats.healthyPanic.increment();
      this.stats.cxNoneHealthy.increment();
      return 'no-healthy-host';
    }
    const highMark = this.#configuration.perConnectionBufferLimitBytes ?? defaultHighMark;
    const { stats } = this;
    return new TcpConnection({ host, stats, limits, connectTimeoutMs: this.#connectTimeoutMs, highMark }, owner);
  }

  /** Finds the hosts; the promise ends when they were looked up once. */
  start(): Promise<void> {
    this.#started ??= this.#findHosts();
    return this.#started;
  }

  async #findHosts(): Promise<void> {
    if (this.#discovery === undefined) this.#setHosts(hostsOf(this.#configuration));
    else await this.#discovery.start();
  }

  #discoveryOf(
    configuration: ClusterConfiguration,
    context: ClusterContext,
  ): Resolution | EndpointDiscovery | undefined {
    const type = configuration.clusterDiscoveryType.value;
    const publish = (hosts: readonly Host[]): void => this.#setHosts(hosts);
    if (type === Cluster_DiscoveryType.STRICT_DNS || type === Cluster_DiscoveryType.LOGICAL_DNS)
      return new Resolution(configuration, this.stats, publish);
    if (type !== Cluster_DiscoveryType.EDS) return undefined;
    return new EndpointDiscovery(configuration, requireXds(context.xds), this.scope, this.stats, publish);
  }

  /** Under which name its hosts come by EDS; undefined where they do not. */
  get endpointsName(): string | undefined {
    return this.#discovery instanceof EndpointDiscovery ? this.#discovery.name : undefined;
  }

  /** Another one took its place, or none: its requests end as they would, then its connections close. */
  retire(): void {
    this.#discovery?.stop();
    for (const pools of Object.values(this.#pools)) for (const pool of pools.values()) pool.drain();
  }

  stop(): void {
    this.#discovery?.stop();
    for (const pools of Object.values(this.#pools)) for (const pool of pools.values()) pool.destroy();
  }

  #setHosts(hosts: readonly Host[]): void {
    const before = this.hosts;
    this.hosts = hosts;
    this.#pick = makePicker(this.#policy, hosts, this.#choiceCount);
    this.stats.membershipTotal.set(hosts.length);
    this.stats.membershipHealthy.set(hosts.length);
    if (hosts.length > 0 || before.length > 0) this.stats.membershipChange.increment();
    if (this.#published) this.#updates.increment();
    this.#published = true;
    for (const host of hosts) if (!before.includes(host)) this.stats.transportSocketMatches.increment();
    for (const host of before) if (!hosts.includes(host)) this.#dropPools(host);
  }

  #dropPools(host: Host): void {
    for (const pools of Object.values(this.#pools)) {
      pools.get(host)?.drain();
      pools.delete(host);
    }
  }

  #balanced(priority: Priority): Upstream {
    return { open: (exchange, end, receiver) => this.#open(priority, exchange, end, receiver) };
  }

  #open(priority: Priority, exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender {
    const host = this.#choose(exchange);
    exchange.host = host;
    if (host === undefined) {
      this.stats.healthyPanic.increment();
      this.stats.cxNoneHealthy.increment();
      exchange.info.flags |= flag.NO_HEALTHY_UPSTREAM;
      receiver.onReset('no-healthy-host', '');
      return deadSender;
    }
    exchange.info.upstreamHost = host.name;
    return this.#pool(priority, host).open(exchange, end, receiver);
  }

  /** Avoids hosts that were tried before, as often as the retry policy allows. */
  #choose(exchange: Exchange): Host | undefined {
    let host = this.#pick();
    for (let i = 0; i < exchange.hostSelectionAttempts; i++) {
      if (host === undefined || !exchange.triedHosts.includes(host)) break;
      host = this.#pick();
    }
    return host;
  }

  #pool(priority: Priority, host: Host): Pool {
    const pools = this.#pools[priority];
    let pool = pools.get(host);
    if (pool === undefined) {
      pool = new Pool({
        host,
        stats: this.stats,
        limits: this.limits[priority],
        connectTimeoutMs: this.#connectTimeoutMs,
        highMark: this.#configuration.perConnectionBufferLimitBytes ?? defaultHighMark,
        ...this.#options,
      });
      pools.set(host, pool);
    }
    return pool;
  }
}

function policyOf(configuration: ClusterConfiguration): Policy {
  if (configuration.lbPolicy === Cluster_LbPolicy.LEAST_REQUEST) return 'least-request';
  return configuration.lbPolicy === Cluster_LbPolicy.RANDOM ? 'random' : 'round-robin';
}

function thresholdsOf(configuration: ClusterConfiguration, priority: RoutingPriority): Thresholds {
  const found = configuration.circuitBreakers?.thresholds.find(thresholds => thresholds.priority === priority);
  if (found === undefined) return defaultThresholds;
  const budget = found.retryBudget;
  return {
    maxConnections: found.maxConnections ?? defaultThresholds.maxConnections,
    maxPendingRequests: found.maxPendingRequests ?? defaultThresholds.maxPendingRequests,
    maxRequests: found.maxRequests ?? defaultThresholds.maxRequests,
    maxRetries: found.maxRetries ?? defaultThresholds.maxRetries,
    retryBudget:
      budget === undefined
        ? undefined
        : { percent: budget.budgetPercent?.value ?? 20, minimum: budget.minRetryConcurrency ?? 3 },
    trackRemaining: found.trackRemaining,
  };
}
