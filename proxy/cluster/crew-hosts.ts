/** The hosts of a cluster where several workers serve: the first one finds them and knows their health, the others are told. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { DynamicMetadata } from '../dynamic-metadata.ts';
import { HostMonitor, type MonitorOwner } from '../outlier-detection/host-monitor.ts';
import { OutlierSettings } from '../outlier-detection/settings.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { Told } from '../workers/crew.ts';
import type { HostCounts, News, ToldHost, ToldHosts } from '../workers/news.ts';
import { tallyBytes, tallyOf } from '../workers/tally.ts';
import type { LoadPolicy, Publish } from './endpoints.ts';
import { Host } from './host.ts';

/** Tells the other workers of a cluster's hosts. */
export class HostTeller {
  readonly #cluster: string;
  readonly #tell: (news: News) => void;
  readonly #isLoadAsked: boolean;
  readonly #known = new WeakMap<Host, KnownHost>();
  #byId = new Map<number, Host>();
  #nextId = 0;

  /**
   * @param cluster by which the others know it
   * @param isLoadAsked whether hosts are chosen by what they have to do
   */
  constructor(cluster: string, isLoadAsked: boolean, tell: (news: News) => void) {
    this.#isLoadAsked = isLoadAsked;
    this.#cluster = cluster;
    this.#tell = tell;
  }

  tell(hosts: readonly Host[], policy: LoadPolicy | undefined): void {
    this.#byId = new Map(hosts.map(host => [this.#knownOf(host).id, host]));
    const told = [...this.#byId.values()].map(host => toldHost(host, this.#knownOf(host)));
    this.#tell({ kind: 'hosts', cluster: this.#cluster, told: { hosts: told, policy } });
  }

  end(): void {
    this.#tell({ kind: 'hosts', cluster: this.#cluster, told: undefined });
  }

  /** Undefined where it is no member any more. */
  find(id: number): Host | undefined {
    return this.#byId.get(id);
  }

  #knownOf(host: Host): KnownHost {
    let known = this.#known.get(host);
    if (known === undefined) {
      const load = this.#isLoadAsked ? new SharedArrayBuffer(tallyBytes(1)) : undefined;
      if (load !== undefined) host.load = tallyOf(1, load);
      known = { id: this.#nextId++, load };
      this.#known.set(host, known);
    }
    return known;
  }
}

type KnownHost = Pick<ToldHost, 'id' | 'load'>;

function toldHost(host: Host, { id, load }: KnownHost): ToldHost {
  const { address, port, hostname, weight, priority, region, zone, subZone } = host;
  const { localityWeight, stated, check, metadata, socketMatch, flags, healthySinceMs, outlier, activeCheck } = host;
  const place = { address, port, hostname, weight, priority, region, zone, subZone, localityWeight };
  return {
    id,
    options: { ...place, stated, check, metadata, socketMatch },
    told: host.told && [...host.told.namespaces()],
    flags,
    healthyForMs: healthySinceMs && performance.now() - healthySinceMs,
    tally: outlier instanceof HostMonitor ? outlier.shared : undefined,
    load,
    checked: activeCheck !== undefined,
  };
}

/** Hears of a cluster's hosts from the first worker, and tells that one of their failures. */
export class FollowedHosts {
  readonly #cluster: string;
  readonly #told: Told;
  readonly #publish: Publish;
  readonly #monitors: MonitorOwner | undefined;
  readonly #first = Promise.withResolvers<void>();
  #stopReading: (() => void) | undefined;
  #byId = new Map<number, Host>();

  /** @param cluster by which the first worker tells of it */
  constructor(
    cluster: string,
    told: Told,
    { outlierDetection }: Configuration,
    runtime: RuntimeValues | undefined,
    publish: Publish,
  ) {
    this.#cluster = cluster;
    this.#told = told;
    this.#publish = publish;
    if (outlierDetection !== undefined)
      this.#monitors = {
        settings: new OutlierSettings(outlierDetection, runtime),
        onConsecutive: ({ host }, failures) =>
          this.#report(host, id => ({ kind: 'ejectable', cluster, host: id, failures })),
      };
  }

  /** Ends when the first worker has told. */
  start(): Promise<void> {
    this.#stopReading ??= this.#told.hosts.read(this.#cluster, told => this.#take(told));
    return this.#first.promise;
  }

  stop(): void {
    this.#stopReading?.();
    this.#first.resolve();
  }

  /** What this worker counted of each. */
  *counts(): Iterable<HostCounts & { cluster: string; host: number }> {
    for (const [id, { counters, gauges }] of this.#byId) yield { cluster: this.#cluster, host: id, counters, gauges };
  }

  #take({ hosts, policy }: ToldHosts): void {
    this.#byId = new Map(hosts.map(told => [told.id, this.#hostOf(told)]));
    this.#publish([...this.#byId.values()], policy);
    this.#first.resolve();
  }

  #hostOf({ id, options: said, told, flags, healthyForMs, tally, load, checked }: ToldHost): Host {
    const options = { ...said, told: told && DynamicMetadata.of(told) };
    const host = this.#byId.get(id) ?? new Host(options);
    host.update(options);
    host.flags = flags;
    if (healthyForMs !== undefined) host.healthySinceMs = performance.now() - healthyForMs;
    if (load !== undefined) host.load ??= tallyOf(1, load);
    if (tally !== undefined && host.outlier === undefined && this.#monitors !== undefined)
      host.outlier = new HostMonitor(host, this.#monitors, tally);
    const failedAtOnce = (): void =>
      this.#report(host, () => ({ kind: 'failed-at-once', cluster: this.#cluster, host: id }));
    host.activeCheck = checked ? (host.activeCheck ?? { failedAtOnce }) : undefined;
    return host;
  }

  #report(host: Host, report: (id: number) => Parameters<Told['report']>[0]): void {
    for (const [id, known] of this.#byId) if (known === host) this.#told.report(report(id));
  }
}
