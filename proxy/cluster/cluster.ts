/** A cluster: its hosts, how they are chosen, the pools to them, its limits and stats. */
import type { ClusterStatus, EndpointsStatus } from '../admin-source.ts';
import type { Cluster as ClusterConfiguration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import { milliseconds } from '../duration.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import { type CheckedCluster, HealthChecker } from '../health-check/health-checker.ts';
import { checkedMembers, type MembershipRules } from '../health-check/membership.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { Http2Context } from '../http2/context.ts';
import { Balancer } from '../load-balancing/balancer.ts';
import { type Picker, randomHash } from '../load-balancing/host-picker.ts';
import { byLocality, type Locality } from '../load-balancing/localities.ts';
import { OverrideHosts } from '../load-balancing/override-hosts.ts';
import type { Level } from '../load-balancing/priority-picker.ts';
import { OutlierDetector } from '../outlier-detection/outlier-detector.ts';
import { statedMetadata } from '../stated-metadata.ts';
import type { StatsScope } from '../stats/store.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import { SecretManager } from '../tls/secret-manager.ts';
import type { TlsClient } from '../tls/tls-client.ts';
import type { TlsContext } from '../tls/tls-context.ts';
import { deadSender, type Exchange, type Upstream } from '../upstream/upstream.ts';
import { Aggregate, aggregatedNames, type Member } from './aggregate.ts';
import { ClusterConnections } from './cluster-connections.ts';
import type { ClusterContext, ClusterPlace } from './cluster-context.ts';
import { ClusterStats, MembershipStats, makeClusterStats } from './cluster-stats.ts';
import { FollowedHosts, HostTeller } from './crew-hosts.ts';
import { EndpointDiscovery } from './endpoint-discovery.ts';
import { hostsOf, type LoadPolicy, type Publish } from './endpoints.ts';
import type { Host } from './host.ts';
import { type HostDiscovery, hostDiscovery } from './host-discovery.ts';
import { Maintenance } from './maintenance.ts';
import { NameResolution } from './name-resolution.ts';
import { OriginalDestinations } from './original-destinations.ts';
import type { OwnCluster } from './own-cluster.ts';
import { earlyLimits, limitsOf, type ResourceLimits, type Thresholds, thresholdsOf } from './resource-limits.ts';
import type { SourceAddress } from './source-address.ts';
import { TcpConnection } from './tcp-connection.ts';
import { type TimeoutBudgets, timeoutBudgets } from './timeout-budgets.ts';
import { TransportSockets } from './transport-sockets.ts';
import { UpdateWindow } from './update-window.ts';
import type { UpstreamSocketOwner } from './upstream-socket.ts';

export type Priority = 'default' | 'high';

export class Cluster implements ClusterStatus, CheckedCluster, Member {
  readonly metadata: DynamicMetadata | undefined;
  readonly name: string;
  /** By which workers tell each other of it. */
  readonly key: string;
  readonly observabilityName: string;
  readonly addedViaApi: boolean;
  readonly membership: MembershipStats;
  #stats: ClusterStats | undefined;
  #limits: Record<Priority, ResourceLimits> | undefined;
  readonly timeoutBudgets: TimeoutBudgets | undefined;
  readonly scope: StatsScope;
  readonly maintenance: Maintenance;
  hosts: readonly Host[] = [];
  readonly #sockets: TransportSockets;
  /** Where the proxy is. */
  readonly #locality: Locality | undefined;
  readonly #configuration: ClusterConfiguration;
  readonly #balancer: Balancer;
  readonly #overrides: OverrideHosts;
  /** The cluster that the proxy belongs to, where that is this one. */
  readonly #own: OwnCluster | undefined;
  /** Looks no more at the cluster that the proxy belongs to. */
  readonly #unwatch: (() => void) | undefined;
  readonly outliers: OutlierDetector | undefined;
  readonly #checker: HealthChecker | undefined;
  /** Ends when the hosts that are known were looked at once. */
  #checked: Promise<void> = Promise.resolve();
  readonly #connections: ClusterConnections;
  readonly #upstreams: Record<Priority, Upstream>;
  #loadPolicy: LoadPolicy | undefined;
  /** What finds the hosts; undefined where the configuration names them. */
  readonly #discovery: HostDiscovery | undefined;
  /** Undefined where no other worker is told of the hosts. */
  readonly teller: HostTeller | undefined;
  #isFound = false;
  /** Where clients say which host they want. */
  readonly #meant: OriginalDestinations | undefined;
  #started: Promise<void> | undefined;
  readonly #window: UpdateWindow;
  /** Undefined: it has hosts of its own. */
  readonly #aggregate: Aggregate<Cluster> | undefined;
  generation = 0;

  constructor(configuration: ClusterConfiguration, context: ClusterContext, place: ClusterPlace = {}) {
    const { addedViaApi = false, key = '', find = () => undefined } = place;
    this.key = key;
    this.#configuration = configuration;
    this.name = configuration.name;
    this.metadata = statedMetadata(configuration.metadata);
    this.addedViaApi = addedViaApi;
    this.#locality = context.locality;
    this.maintenance = new Maintenance(this.name, context.runtime);
    this.observabilityName = configuration.altStatName || configuration.name;
    this.scope = context.store.scope(`cluster.${sanitizeStatsName(this.observabilityName)}.`);
    this.scope.makeLater(makeClusterStats);
    this.membership = new MembershipStats(this.scope);
    const secrets = context.secrets ?? new SecretManager(context.xds, context.store);
    this.#sockets = new TransportSockets(configuration, this.scope, secrets);
    const { runtime, locality, own, crew } = context;
    this.#limits = earlyLimits(this.thresholds, this.scope, crew?.memory);
    this.timeoutBudgets = timeoutBudgets(configuration, this.scope);
    const others = own?.name === this.name ? undefined : own;
    this.#own = others === undefined ? own : undefined;
    const { scope } = this;
    this.#overrides = new OverrideHosts(configuration);
    const stats = (): ClusterStats => this.stats;
    const parts = { runtime, scope, stats, locality, own: others, workers: crew?.count };
    this.#balancer = new Balancer(configuration, parts);
    this.teller = crew?.tell && new HostTeller(key, this.#balancer.asksLoad, crew.tell);
    this.#unwatch = others?.watch(() => this.#balancer.weigh());
    const windowMs = milliseconds(configuration.commonLbConfig?.updateMergeWindow, 1000);
    this.#window = new UpdateWindow(windowMs, context.store, () => this.#spread());
    const { outlierDetection } = configuration;
    const isTold = crew?.told !== undefined;
    if (outlierDetection !== undefined && !isTold) {
      const onChange = (): void => this.#onHealthChanged();
      this.outliers = new OutlierDetector(outlierDetection, scope, runtime, onChange, crew !== undefined);
    }
    const [check] = configuration.healthChecks;
    if (check !== undefined && !isTold) this.#checker = new HealthChecker(check, this, this.scope, context.runtime);
    this.#connections = new ClusterConnections(configuration, context, this);
    const publish: Publish = (hosts, policy) => this.#setHosts(hosts, policy);
    this.#discovery = hostDiscovery(configuration, context, { key, scope, publish });
    if (this.#discovery instanceof OriginalDestinations) this.#meant = this.#discovery;
    const names = aggregatedNames(configuration);
    if (names !== undefined) this.#aggregate = new Aggregate(configuration, names, runtime, find);
    this.#upstreams = { default: this.#balanced('default'), high: this.#balanced('high') };
    this.#spread();
    this.membership.measure(this.hosts);
  }

  /** In percent: by how much more a priority can take than its share of healthy hosts. */
  get overprovisioning(): number {
    return this.#balancer.overprovisioning;
  }

  /** Whether so few hosts of a priority are healthy that all of them are chosen from. */
  isInPanic(priority: number): boolean {
    return this.#balancer.isInPanic(priority);
  }

  get endpoints(): EndpointsStatus {
    const { addedViaApi, overprovisioning } = this;
    const levels = [...Map.groupBy(this.hosts, ({ priority }) => priority)].sort(([a], [b]) => a - b);
    return {
      name: this.endpointsName ?? this.name,
      addedViaApi,
      resolvesNames: this.#discovery instanceof NameResolution,
      overprovisioning,
      localities: levels.flatMap(([, hosts]) => byLocality(hosts, this.#locality)),
    };
  }

  get outlierRates(): ClusterStatus['outlierRates'] {
    return this.outliers?.rates;
  }

  get thresholds(): Record<Priority, Thresholds> {
    return thresholdsOf(this.#configuration);
  }

  /** Made for the first request, as the limits are: most clusters of a mesh are never asked. */
  get stats(): ClusterStats {
    this.#stats ??= new ClusterStats(this.scope);
    return this.#stats;
  }

  get limits(): Record<Priority, ResourceLimits> {
    this.#limits ??= limitsOf(this.thresholds, this.scope);
    return this.#limits;
  }

  /** The innermost layers: choose a host, then its pool, which asks the breakers. */
  upstream(priority: Priority): Upstream {
    return this.#upstreams[priority];
  }

  /** Chooses a host and begins to connect to it, for bytes of one client, or of the proxy itself (no `info`); the owner hears how it went. */
  connect(owner: UpstreamSocketOwner, info?: StreamInfo): TcpConnection | 'overflow' | 'no-healthy-host' {
    const limits = this.limits.default;
    if (!limits.connections.available) {
      this.stats.cxOverflow.increment();
      return 'overflow';
    }
    const { cluster, level } = this.#member();
    const host =
      cluster && (cluster.#meant === undefined ? cluster.#pick(level) : info && cluster.#meant.choose(info, undefined));
    if (cluster === undefined || host === undefined) {
      this.stats.cxNoneHealthy.increment();
      return 'no-healthy-host';
    }
    return new TcpConnection(cluster.#connections.tcpOptions(host, 'default', info), owner);
  }

  /** Milliseconds that a stream may take; 0: for ever. */
  get maxStreamDurationMs(): number {
    return this.#connections.maxStreamDurationMs;
  }

  /** Finds the hosts; the promise ends when they were looked up once, and their health looked at where it is. */
  start(): Promise<void> {
    this.#started ??= this.#findHosts();
    return this.#started;
  }

  async #findHosts(): Promise<void> {
    const { loadAssignment } = this.#configuration;
    await this.#sockets.start();
    if (this.#discovery === undefined) this.#setHosts(hostsOf(this.#configuration), loadAssignment?.policy);
    else await this.#discovery.start();
    await this.#checked;
    // What the first checks said of hosts that were not healthy before is weighed too.
    if (this.#checker !== undefined) this.#onHealthChanged();
    this.#window.open();
    this.#isFound = true;
    this.teller?.tell(this.hosts, this.#loadPolicy);
    // Its gauges tell of the table from the start.
    this.#balancer.prepare();
  }

  /** Under which name its hosts come by EDS; undefined where they do not. */
  get endpointsName(): string | undefined {
    return this.#discovery instanceof EndpointDiscovery ? this.#discovery.name : undefined;
  }

  /** What they came from, where that is kept. */
  get assignment(): EndpointDiscovery['assignment'] {
    return this.#discovery instanceof EndpointDiscovery ? this.#discovery.assignment : undefined;
  }

  /** Where another worker finds the hosts. */
  get followed(): FollowedHosts | undefined {
    return this.#discovery instanceof FollowedHosts ? this.#discovery : undefined;
  }

  /** Another one took its place, or none: its requests end as they would, then its connections close. */
  retire(): void {
    this.#endWatching();
    this.#connections.drain();
  }

  stop(): void {
    this.#endWatching();
    this.#connections.destroy();
  }

  #endWatching(): void {
    this.#isFound = false;
    for (const part of [this.#discovery, this.#sockets, this.outliers, this.#checker, this.#window]) part?.stop();
    this.#unwatch?.();
    this.teller?.end();
  }

  #setHosts(hosts: readonly Host[], policy: LoadPolicy | undefined): void {
    this.#loadPolicy = policy;
    const members = this.#checker === undefined ? hosts : checkedMembers(this.hosts, hosts, this.#membershipRules());
    this.#replaceHosts(members);
  }

  #membershipRules(): MembershipRules {
    const { ignoreHealthOnHostRemoval, commonLbConfig } = this.#configuration;
    return {
      dynamic: this.#discovery !== undefined,
      ignoresHealthOnRemoval: ignoreHealthOnHostRemoval,
      excludesUnchecked: commonLbConfig?.ignoreNewHostsUntilFirstHc ?? false,
    };
  }

  get tlsContexts(): readonly TlsContext[] {
    return this.#sockets.contexts;
  }

  tlsFor(said: JsonObject | undefined): TlsClient | undefined {
    return this.#sockets.tlsFor(said);
  }

  hasTraffic(): boolean {
    return (this.#stats?.cxTotal.value ?? 0) > 0;
  }

  onHealthCheckPassed(host: Host): void {
    this.outliers?.onHealthCheckPassed(host);
  }

  onHealthChanged(host: Host): void {
    if (host.has('pending_dynamic_removal') && host.has('failed_active_hc'))
      this.#replaceHosts(this.hosts.filter(other => other !== host));
    else this.#onHealthChanged();
  }

  #replaceHosts(hosts: readonly Host[]): void {
    const [before, now] = [new Set(this.hosts), new Set(hosts)];
    this.hosts = hosts;
    this.#balancer.setHosts(hosts, this.#loadPolicy);
    this.outliers?.setHosts(hosts);
    const added = hosts.filter(host => !before.has(host));
    const removed = [...before].filter(host => !now.has(host));
    // Once for each priority that it concerns, as Envoy does.
    const priorities = new Set([...added, ...removed].map(({ priority }) => priority)).size;
    this.membership.changes.add(priorities);
    this.membership.measure(this.hosts);
    this.#window.changed(false, Math.max(1, priorities));
    if (this.#checker !== undefined) this.#checked = this.#checker.setHosts(hosts);
    for (const host of added) this.#sockets.count(host.socketMatch);
    const closesAll = this.#configuration.commonLbConfig?.closeConnectionsOnHostSetChange && priorities > 0;
    for (const host of closesAll ? [...before] : removed) this.#connections.drop(host);
  }

  #onHealthChanged(): void {
    this.membership.measure(this.hosts);
    this.#window.changed(true, new Set(this.hosts.map(({ priority }) => priority)).size);
  }

  /** From now on requests are spread by what the hosts are now. */
  #spread(): void {
    this.#balancer.weigh();
    this.generation++;
    this.#own?.tell(this.hosts);
    if (this.#isFound) this.teller?.tell(this.hosts, this.#loadPolicy);
  }

  #balanced(priority: Priority): Upstream {
    return { open: (exchange, end, receiver) => this.#open(priority, exchange, end, receiver) };
  }

  #open(priority: Priority, exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender {
    const { cluster, level } = this.#member();
    const host = cluster === undefined ? undefined : cluster.#choose(exchange, level);
    exchange.host = host;
    exchange.info.clusterMetadata = this.metadata;
    exchange.info.hostMetadata = host?.told;
    if (cluster === undefined || host === undefined) {
      this.stats.cxNoneHealthy.increment();
      exchange.info.flags |= flag.NO_HEALTHY_UPSTREAM;
      receiver.onReset('no-healthy-host', '');
      return deadSender;
    }
    exchange.info.upstreamHost = host.name;
    exchange.info.upstreamHostname = host.hostname;
    exchange.info.upstreamLocality = host;
    exchange.info.decisions?.chose(cluster, host);
    return cluster.#connections.open(host, priority, exchange, end, receiver);
  }

  /** Where the next request goes: to the cluster itself, or to a priority of one that it names. */
  #member(): { cluster: Cluster | undefined; level: Level | undefined } {
    if (this.#aggregate === undefined) return this.#itself;
    return this.#aggregate.next() ?? nowhere;
  }

  readonly #itself: { cluster: Cluster; level: undefined } = { cluster: this, level: undefined };

  get isAggregate(): boolean {
    return this.#aggregate !== undefined;
  }

  /** Avoids hosts that were tried before, as often as the retry policy allows. */
  #choose(exchange: Exchange, level: Level | undefined): Host | undefined {
    const { overrideHost, upstreamAttemptCount } = exchange.info;
    // A retry goes where the balancer says.
    if (overrideHost !== undefined && upstreamAttemptCount <= 1) {
      const host = this.#overrides.find(this.hosts, overrideHost.address);
      if (host !== undefined || overrideHost.strict) return host;
    }
    if (this.#meant !== undefined) return this.#meant.choose(exchange.info, exchange.head);
    const hash = this.#balancer.byHash ? (exchange.hash() ?? randomHash()) : undefined;
    const { metadataMatch } = exchange;
    let host = this.#pick(level, hash, 0, metadataMatch);
    for (let i = 1; i <= exchange.hostSelectionAttempts; i++) {
      if (host === undefined || !exchange.triedHosts.includes(host)) break;
      host = this.#pick(level, hash, i, metadataMatch);
    }
    return host;
  }

  #pick(level: Level | undefined, ...asked: Parameters<Picker>): Host | undefined {
    return level === undefined ? this.#balancer.pick(...asked) : this.#balancer.pickAt(level, ...asked);
  }

  /** What its connections of HTTP/2 share. */
  get http2Context(): Http2Context {
    return this.#connections.http2Context;
  }

  sourceFor(host: string): SourceAddress | undefined {
    return this.#connections.sourceFor(host);
  }
}

const nowhere = { cluster: undefined, level: undefined };
