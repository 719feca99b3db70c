/** The hosts that a cluster's endpoints name: addresses as they are, names by DNS again and again. */
import { lookup } from 'node:dns/promises';
import { Cluster_DiscoveryType, Cluster_DnsLookupFamily, HealthStatus } from '../api/enums.js';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Endpoint_HealthCheckConfig } from '../api/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type {
  ClusterLoadAssignment,
  ClusterLoadAssignment_Policy as LoadPolicy,
} from '../api/envoy/config/endpoint/v3/endpoint_pb.js';
import { milliseconds } from '../duration.ts';
import { balancerMetadata } from '../load-balancing/metadata-criteria.ts';
import type { ClusterStats } from './cluster-stats.ts';
import { type HealthCheckOptions, Host, type HostOptions, type StatedHealth } from './host.ts';

export type { LoadPolicy };

/** Told of all hosts whenever they, or how load is to be spread over them, are not what they were. */
export type Publish = (hosts: readonly Host[], policy: LoadPolicy | undefined) => void;

/** An endpoint of the configuration: where it is, or the name to look up. */
export type Target = Omit<HostOptions, 'hostname'> & { hostname: string };

export function targetsOf(assignment: ClusterLoadAssignment | undefined): Target[] {
  const targets: Target[] = [];
  for (const group of assignment?.endpoints ?? []) {
    for (const one of group.lbEndpoints) {
      if (one.hostIdentifier.case !== 'endpoint') continue;
      const address = one.hostIdentifier.value.address?.address;
      if (address?.case !== 'socketAddress') continue;
      targets.push({
        address: address.value.address,
        port: address.value.portSpecifier.case === 'portValue' ? address.value.portSpecifier.value : 0,
        hostname: one.hostIdentifier.value.hostname,
        weight: one.loadBalancingWeight ?? 1,
        priority: group.priority,
        stated: statedOf(one.healthStatus),
        metadata: balancerMetadata(one.metadata),
        check: checkOf(one.hostIdentifier.value.healthCheckConfig),
        region: group.locality?.region ?? '',
        zone: group.locality?.zone ?? '',
        subZone: group.locality?.subZone ?? '',
      });
    }
  }
  return targets;
}

function checkOf(configuration: Endpoint_HealthCheckConfig | undefined): HealthCheckOptions {
  const address = configuration?.address?.address;
  const socket = address?.case === 'socketAddress' ? address.value : undefined;
  const port = socket?.portSpecifier.case === 'portValue' ? socket.portSpecifier.value : 0;
  return {
    address: socket?.address ?? '',
    port: configuration?.portValue || port,
    hostname: configuration?.hostname ?? '',
    disabled: configuration?.disableActiveHealthCheck ?? false,
  };
}

function statedOf(status: HealthStatus): StatedHealth {
  switch (status) {
    case HealthStatus.UNHEALTHY:
      return 'unhealthy';
    case HealthStatus.DRAINING:
      return 'draining';
    case HealthStatus.TIMEOUT:
      return 'timeout';
    case HealthStatus.DEGRADED:
      return 'degraded';
    default:
      return 'healthy';
  }
}

/** The hosts of a STATIC cluster. */
export function hostsOf(cluster: Cluster): Host[] {
  return targetsOf(cluster.loadAssignment).map(target => new Host(target));
}

/** Looks the names of a DNS cluster up, at the start and then every `dns_refresh_rate`. A failure keeps the hosts that were found before. */
export class Resolution {
  readonly #targets: Target[];
  readonly #logical: boolean;
  readonly #family: Cluster_DnsLookupFamily;
  readonly #refreshMs: number;
  readonly #stats: ClusterStats;
  readonly #policy: LoadPolicy | undefined;
  readonly #publish: Publish;
  readonly #known: Map<string, Host>[];
  #timers = new Set<NodeJS.Timeout>();
  #stopped = false;

  constructor(cluster: Cluster, stats: ClusterStats, publish: Publish) {
    this.#targets = targetsOf(cluster.loadAssignment);
    this.#logical = cluster.clusterDiscoveryType.value === Cluster_DiscoveryType.LOGICAL_DNS;
    this.#family = cluster.dnsLookupFamily;
    this.#refreshMs = milliseconds(cluster.dnsRefreshRate, 5000);
    this.#policy = cluster.loadAssignment?.policy;
    this.#stats = stats;
    this.#publish = publish;
    this.#known = this.#targets.map(() => new Map());
  }

  async start(): Promise<void> {
    await Promise.all(this.#targets.map((_, index) => this.#refresh(index)));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #refresh(index: number): Promise<void> {
    const target = this.#targets[index]!;
    this.#stats.updateAttempt.increment();
    try {
      const addresses = await resolveAll(target.address, this.#family);
      if (this.#stopped) return;
      this.#stats.updateSuccess.increment();
      if (addresses.length === 0) this.#stats.updateEmpty.increment();
      this.#accept(index, this.#logical ? addresses.slice(0, 1) : addresses);
    } catch {
      // The name is not known now: counted, and tried again; what was known before stays.
      if (this.#stopped) return;
      this.#stats.updateFailure.increment();
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#refresh(index);
    }, this.#refreshMs);
    this.#timers.add(timer);
  }

  #accept(index: number, addresses: readonly string[]): void {
    const target = this.#targets[index]!;
    const known = this.#known[index]!;
    if (addresses.length === known.size && addresses.every(address => known.has(address))) {
      this.#stats.updateNoRebuild.increment();
      return;
    }
    const next = new Map(
      addresses.map(address => [
        address,
        known.get(address) ?? new Host({ ...target, address, hostname: target.hostname || target.address }),
      ]),
    );
    this.#known[index] = next;
    this.#publish(
      this.#known.flatMap(hosts => [...hosts.values()]),
      this.#policy,
    );
  }
}

/** The addresses of a name in the family that the cluster asks for; AUTO prefers IPv6, as Envoy does. */
async function resolveAll(name: string, family: Cluster_DnsLookupFamily): Promise<string[]> {
  const all = await lookup(name, { all: true, verbatim: true });
  const four = all.filter(one => one.family === 4).map(one => one.address);
  const six = all.filter(one => one.family === 6).map(one => one.address);
  const unique = (addresses: string[]) => [...new Set(addresses)];
  switch (family) {
    case Cluster_DnsLookupFamily.V4_ONLY:
      return unique(four);
    case Cluster_DnsLookupFamily.V6_ONLY:
      return unique(six);
    case Cluster_DnsLookupFamily.V4_PREFERRED:
      return unique(four.length > 0 ? four : six);
    case Cluster_DnsLookupFamily.ALL:
      return unique([...six, ...four]);
    default:
      return unique(six.length > 0 ? six : four);
  }
}
