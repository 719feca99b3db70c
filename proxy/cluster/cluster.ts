/** A cluster: its hosts, how they are chosen, the pools to them, its limits and stats. */
import type { ClusterStatus } from '../admin-source.ts';
import { Cluster_DiscoveryType, RoutingPriority } from '../api/enums.js';
import type { Cluster as ClusterConfiguration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { milliseconds } from '../duration.ts';
import { type CheckedCluster, HealthChecker } from '../health-check/health-checker.ts';
import { checkedMembers, type MembershipRules } from '../health-check/membership.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import { type Picker, randomHash } from '../load-balancing/host-picker.ts';
import { choosesByHash, makePriorityPicker, type PickerSettings } from '../load-balancing/priority-picker.ts';
import { type BalancerSettings, balancerSettings } from '../load-balancing/settings.ts';
import { SubsetIndex, SubsetStats } from '../load-balancing/subset-index.ts';
import { makeSubsetPicker, type SubsetPickerParts } from '../load-balancing/subset-picker.ts';
import { subsetSettings } from '../load-balancing/subset-settings.ts';
import { defaultHighMark } from '../net/transport.ts';
import { OutlierDetector } from '../outlier-detection/outlier-detector.ts';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope, StatsStore } from '../stats/store.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import { flag } from '../stream-info.ts';
import { SecretManager } from '../tls/secret-manager.ts';
import type { TlsClient } from '../tls/tls-client.ts';
import { deadSender, type Exchange, type Upstream } from '../upstream/upstream.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import { ClusterStats } from './cluster-stats.ts';
import { EndpointDiscovery } from './endpoint-discovery.ts';
import type { Host } from './host.ts';
import { Maintenance } from './maintenance.ts';
import { Pool } from './pool.ts';
import { protocolOptions } from './protocol-options.ts';
import { hostsOf, type LoadPolicy, type Publish, Resolution } from './resolution.ts';
import { defaultThresholds, ResourceLimits, type Thresholds } from './resource-limits.ts';
import { TcpConnection } from './tcp-connection.ts';
import { tlsClientOf } from './transport-socket.ts';
import type { UpstreamSocketOwner } from './upstream-socket.ts';

export type Priority = 'default' | 'high';

/** What clusters take from the proxy that they are in. */
export interface ClusterContext {
  store: StatsStore;
  /** Undefined: no key has a value. */
  runtime?: RuntimeValues | undefined;
  /** Brings what comes while the proxy runs. */
  xds?: XdsContext | undefined;
  /** Undefined: its own. */
  secrets?: SecretManager | undefined;
}

export class Cluster implements ClusterStatus, CheckedCluster {
  readonly name: string;
  readonly observabilityName: string;
  readonly addedViaApi: boolean;
  readonly stats: ClusterStats;
  readonly limits: Record<Priority, ResourceLimits>;
  readonly trackTimeoutBudgets: boolean;
  readonly scope: StatsScope;
  readonly maintenance: Maintenance;
  hosts: readonly Host[] = [];
  /** Undefined where connections are not encrypted. */
  readonly tls: TlsClient | undefined;
  readonly #configuration: ClusterConfiguration;
  readonly #balancer: BalancerSettings;
  readonly #byHash: boolean;
  /** Undefined where hosts are not divided. */
  readonly #subsets: Omit<SubsetPickerParts, 'pickerOf'> | undefined;
  readonly #panicThreshold: RuntimeNumber;
  readonly #outliers: OutlierDetector | undefined;
  readonly #checker: HealthChecker | undefined;
  /** Ends when the hosts that are known were looked at once. */
  #checked: Promise<void> = Promise.resolve();
  readonly #connectTimeoutMs: number;
  readonly #options: { idleTimeoutMs: number; maxRequestsPerConnection: number };
  readonly #pools = { default: new Map<Host, Pool>(), high: new Map<Host, Pool>() };
  readonly #upstreams: Record<Priority, Upstream>;
  #loadPolicy: LoadPolicy | undefined;
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
    this.tls = tlsClientOf(configuration, this.scope, context.secrets ?? new SecretManager(context.xds, context.store));
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
    this.#balancer = balancerSettings(configuration, this.scope, context.runtime);
    this.#byHash = choosesByHash(this.#balancer);
    this.#subsets = this.#subsetParts();
    const panicPercent = Math.round(configuration.commonLbConfig?.healthyPanicThreshold?.value ?? 50);
    this.#panicThreshold = new RuntimeNumber(panicPercent, 'upstream.healthy_panic_threshold', context.runtime);
    if (configuration.outlierDetection !== undefined)
      this.#outliers = new OutlierDetector(configuration.outlierDetection, this.scope, context.runtime, () =>
        this.#weighHosts(),
      );
    const [check] = configuration.healthChecks;
    if (check !== undefined) this.#checker = new HealthChecker(check, this, this.scope, context.runtime);
    this.#connectTimeoutMs = milliseconds(configuration.connectTimeout, 5000);
    this.#options = protocolOptions(configuration);
    this.#discovery = this.#discoveryOf(configuration, context);
    this.#upstreams = { default: this.#balanced('default'), high: this.#balanced('high') };
    this.#weighHosts();
  }

  /** In percent: by how much more a priority can take than its share of healthy hosts. */
  get overprovisioning(): number {
    return this.#loadPolicy?.overprovisioningFactor ?? 140;
  }

  get outlierRates(): ClusterStatus['outlierRates'] {
    return this.#outliers?.rates;
  }

  get thresholds(): { default: Thresholds; high: Thresholds } {
    return { default: this.limits.default.thresholds, high: this.limits.high.thresholds };
  }

  /** The innermost layers: choose a host, then its pool, which asks the breakers. */
  upstream(priority: Priority): Upstream {
    return this.#upstreams[priority];
  }

  /** Chooses a host and begins to connect to it, for bytes of one client alone; the owner hears how it went. */
  connect(owner: UpstreamSocketOwner): TcpConnection | 'overflow' | 'no-healthy-host' {
    const limits = this.limits.default;
    if (!limits.connections.available) {
      this.stats.cxOverflow.increment();
      return 'overflow';
    }
    const host = this.#pick();
    if (host === undefined) {
      this.stats.cxNoneHealthy.increment();
      return 'no-healthy-host';
    }
    const highMark = this.#configuration.perConnectionBufferLimitBytes ?? defaultHighMark;
    const { stats } = this;
    const connection = { connectTimeoutMs: this.#connectTimeoutMs, highMark, tls: this.tls, applicationProtocols: [] };
    return new TcpConnection({ host, stats, limits, ...connection }, owner);
  }

  /** Finds the hosts; the promise ends when they were looked up once, and their health looked at where it is. */
  start(): Promise<void> {
    this.#started ??= this.#findHosts();
    return this.#started;
  }

  async #findHosts(): Promise<void> {
    const { loadAssignment } = this.#configuration;
    await this.tls?.source.start();
    if (this.#discovery === undefined) this.#setHosts(hostsOf(this.#configuration), loadAssignment?.policy);
    else await this.#discovery.start();
    await this.#checked;
    // What the first checks said of hosts that were not healthy before is weighed too.
    if (this.#checker !== undefined) this.#weighHosts();
    // Its gauges tell of the table from the start.
    this.#makePicker();
  }

  #discoveryOf(
    configuration: ClusterConfiguration,
    context: ClusterContext,
  ): Resolution | EndpointDiscovery | undefined {
    const type = configuration.clusterDiscoveryType.value;
    const publish: Publish = (hosts, policy) => this.#setHosts(hosts, policy);
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
    this.tls?.source.stop();
    this.#outliers?.stop();
    this.#checker?.stop();
    for (const pools of Object.values(this.#pools)) for (const pool of pools.values()) pool.drain();
  }

  stop(): void {
    this.#discovery?.stop();
    this.tls?.source.stop();
    this.#outliers?.stop();
    this.#checker?.stop();
    for (const pools of Object.values(this.#pools)) for (const pool of pools.values()) pool.destroy();
  }

  #setHosts(hosts: readonly Host[], policy: LoadPolicy | undefined): void {
    this.#loadPolicy = policy;
    const members = this.#checker === undefined ? hosts : checkedMembers(this.hosts, hosts, this.#membershipRules());
    this.#replaceHosts(members);
    if (this.#published) this.#updates.increment();
    this.#published = true;
  }

  #membershipRules(): MembershipRules {
    const { ignoreHealthOnHostRemoval, commonLbConfig } = this.#configuration;
    return {
      dynamic: this.#discovery !== undefined,
      ignoresHealthOnRemoval: ignoreHealthOnHostRemoval,
      excludesUnchecked: commonLbConfig?.ignoreNewHostsUntilFirstHc ?? false,
    };
  }

  hasTraffic(): boolean {
    return this.stats.cxTotal.value > 0;
  }

  onHealthCheckPassed(host: Host): void {
    this.#outliers?.onHealthCheckPassed(host);
  }

  onHealthChanged(host: Host): void {
    if (host.has('pending_dynamic_removal') && host.has('failed_active_hc'))
      this.#replaceHosts(this.hosts.filter(other => other !== host));
    else this.#weighHosts();
  }

  #replaceHosts(hosts: readonly Host[]): void {
    const [before, now] = [new Set(this.hosts), new Set(hosts)];
    this.hosts = hosts;
    this.#subsets?.index.setHosts(hosts);
    this.#outliers?.setHosts(hosts);
    this.#weighHosts();
    if (this.#checker !== undefined) this.#checked = this.#checker.setHosts(hosts);
    const added = hosts.filter(host => !before.has(host));
    const removed = [...before].filter(host => !now.has(host));
    // Once for each priority that it concerns, as Envoy does.
    this.stats.membershipChange.add(new Set([...added, ...removed].map(({ priority }) => priority)).size);
    this.stats.transportSocketMatches.add(added.length);
    for (const host of removed) this.#dropPools(host);
  }

  /** The hosts, or the health of some, have changed: from now on requests are spread by what they are now. */
  #weighHosts(): void {
    const { hosts, stats } = this;
    // The next request makes the picker: a table of hashes costs milliseconds, and health may change many times before.
    this.#pick = (...asked) => this.#makePicker()(...asked);
    stats.membershipTotal.set(hosts.length);
    stats.membershipHealthy.set(hosts.filter(({ health }) => health === 'healthy').length);
    stats.membershipDegraded.set(hosts.filter(({ health }) => health === 'degraded').length);
    stats.membershipExcluded.set(hosts.filter(({ excluded }) => excluded).length);
  }

  #makePicker(): Picker {
    const settings: PickerSettings = {
      balancer: this.#balancer,
      overprovisioning: this.overprovisioning,
      weightedPriorityHealth: this.#loadPolicy?.weightedPriorityHealth ?? false,
      panicThreshold: Math.min(100, this.#panicThreshold.value),
      onPanic: () => this.stats.healthyPanic.increment(),
    };
    const pickerOf = (hosts: readonly Host[]) => makePriorityPicker(hosts, settings);
    this.#pick = this.#subsets === undefined ? pickerOf(this.hosts) : makeSubsetPicker({ ...this.#subsets, pickerOf });
    return this.#pick;
  }

  #subsetParts(): Omit<SubsetPickerParts, 'pickerOf'> | undefined {
    const settings = subsetSettings(this.#configuration);
    if (settings === undefined) return undefined;
    const stats = new SubsetStats(this.scope);
    return { settings, stats, index: new SubsetIndex(settings, stats) };
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
    const hash = this.#byHash ? (exchange.hash() ?? randomHash()) : undefined;
    const { metadataMatch } = exchange;
    let host = this.#pick(hash, 0, metadataMatch);
    for (let i = 1; i <= exchange.hostSelectionAttempts; i++) {
      if (host === undefined || !exchange.triedHosts.includes(host)) break;
      host = this.#pick(hash, i, metadataMatch);
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
        tls: this.tls,
        applicationProtocols: ['http/1.1'],
        highMark: this.#configuration.perConnectionBufferLimitBytes ?? defaultHighMark,
        ...this.#options,
      });
      pools.set(host, pool);
    }
    return pool;
  }
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
