/** The hosts of a cluster whose endpoints are names: looked up by DNS again and again. */
import { Cluster_DiscoveryType } from '../api/enums.js';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { milliseconds } from '../duration.ts';
import type { StatsScope } from '../stats/store.ts';
import { BackOff } from '../xds/back-off.ts';
import { type LoadPolicy, type Publish, type Target, targetsOf } from './endpoints.ts';
import { Host } from './host.ts';
import type { FoundName, NameResolver } from './name-resolver.ts';

/** A name that hosts come from. */
interface Name {
  target: Target;
  hosts: Map<string, Host>;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Looks names up at the start, and again after `dns_refresh_rate` or the time that the answer holds. A failure keeps the hosts that
 * were found before.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#strict-dns
 */
export class NameResolution {
  readonly #names: readonly Name[];
  readonly #logical: boolean;
  readonly #resolver: NameResolver;
  readonly #refreshMs: number;
  /** Undefined: as after an answer. */
  readonly #afterFailure: BackOff | undefined;
  readonly #respectsTtl: boolean;
  readonly #waits: boolean;
  readonly #scope: StatsScope;
  readonly #policy: LoadPolicy | undefined;
  readonly #publish: Publish;
  readonly #ready = Promise.withResolvers<void>();
  #stopped = false;

  constructor(cluster: Cluster, resolver: NameResolver, scope: StatsScope, publish: Publish) {
    this.#names = targetsOf(cluster.loadAssignment).map(target => ({ target, hosts: new Map(), timer: undefined }));
    this.#logical = cluster.clusterDiscoveryType.value === Cluster_DiscoveryType.LOGICAL_DNS;
    this.#resolver = resolver;
    this.#refreshMs = milliseconds(cluster.dnsRefreshRate, 5000);
    this.#respectsTtl = cluster.respectDnsTtl;
    this.#waits = cluster.waitForWarmOnInit ?? true;
    const failure = cluster.dnsFailureRefreshRate;
    if (failure !== undefined) {
      const baseMs = milliseconds(failure.baseInterval, 0);
      this.#afterFailure = new BackOff(Math.random, { baseMs, mostMs: milliseconds(failure.maxInterval, 10 * baseMs) });
    }
    this.#policy = cluster.loadAssignment?.policy;
    this.#scope = scope;
    this.#publish = publish;
  }

  /** Ends when the first of the names was looked up, as in Envoy, or at once where nobody is to wait. */
  start(): Promise<void> {
    for (const name of this.#names) void this.#refresh(name);
    if (this.#names.length === 0 || !this.#waits) this.#ready.resolve();
    return this.#ready.promise;
  }

  stop(): void {
    this.#stopped = true;
    this.#resolver.cancel();
    for (const { timer } of this.#names) clearTimeout(timer);
    this.#ready.resolve();
  }

  async #refresh(name: Name): Promise<void> {
    this.#scope.counter('update_attempt').increment();
    const found = await this.#resolver.resolve(name.target.address).catch(() => undefined);
    if (this.#stopped) return;
    const waitMs = this.#judge(name, found);
    name.timer = setTimeout(() => void this.#refresh(name), waitMs);
    this.#ready.resolve();
  }

  /**
   * Answers after how many milliseconds to look again.
   * @param found undefined where it could not be looked up
   */
  #judge(name: Name, found: FoundName | undefined): number {
    const { addresses = [], ttl = 0 } = found ?? {};
    // As in Envoy: a name without addresses has no hosts where there may be several, and is no answer where there is one.
    if (found === undefined || (this.#logical && addresses.length === 0)) {
      this.#scope.counter('update_failure').increment();
      return this.#afterFailure?.next() ?? this.#refreshMs;
    }
    this.#scope.counter('update_success').increment();
    this.#accept(name, this.#logical ? addresses.slice(0, 1) : addresses);
    this.#afterFailure?.reset();
    return this.#respectsTtl && ttl > 0 ? ttl * 1000 : this.#refreshMs;
  }

  #accept(name: Name, addresses: readonly string[]): void {
    const { target, hosts } = name;
    if (addresses.length === hosts.size && addresses.every(address => hosts.has(address))) {
      this.#scope.counter('update_no_rebuild').increment();
      return;
    }
    const hostname = target.hostname || target.address;
    const next = addresses.map(
      address => [address, hosts.get(address) ?? new Host({ ...target, address, hostname })] as const,
    );
    name.hosts = new Map(next);
    this.#publish(
      this.#names.flatMap(({ hosts: known }) => [...known.values()]),
      this.#policy,
    );
  }
}
