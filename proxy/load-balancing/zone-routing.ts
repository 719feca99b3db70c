/** Zone-aware routing: requests stay in the proxy's own zone, as far as the upstream's hosts there can take their part of the load. */
import type { Host } from '../cluster/host.ts';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { byLocality, isSameLocality, type Locality } from './localities.ts';

/** The hosts of the cluster that the proxy itself belongs to, and where it is. */
export interface OwnCluster {
  /** Undefined: nobody said. */
  readonly locality: Locality | undefined;
  readonly hosts: readonly Host[];
}

export class ZoneSettings {
  /** In percent of the requests. */
  readonly enabled: RuntimeNumber;
  /** Clusters with fewer hosts that can be used are left alone. */
  readonly minimumHosts: RuntimeNumber;

  constructor(
    stated: { routingEnabled?: { value: number } | undefined; minClusterSize?: bigint | undefined } | undefined,
    runtime: RuntimeValues | undefined,
  ) {
    const percent = Math.round(stated?.routingEnabled?.value ?? 100);
    this.enabled = new RuntimeNumber(percent, 'upstream.zone_routing.enabled', runtime);
    const minimum = Number(stated?.minClusterSize ?? 6n);
    this.minimumHosts = new RuntimeNumber(minimum, 'upstream.zone_routing.min_cluster_size', runtime);
  }
}

export class ZoneStats {
  readonly directly: Counter;
  readonly sampled: Counter;
  readonly crossZone: Counter;
  readonly tooSmall: Counter;
  readonly noCapacityLeft: Counter;
  readonly recalculated: Counter;
  readonly ownClusterNotOk: Counter;
  /** Envoy counts what each thread that balances works out: its main thread, and its workers. */
  readonly threads: number;

  /** @param scope of the cluster */
  constructor(scope: StatsScope, workers = 1) {
    this.threads = 1 + workers;
    this.directly = scope.counter('lb_zone_routing_all_directly');
    this.sampled = scope.counter('lb_zone_routing_sampled');
    this.crossZone = scope.counter('lb_zone_routing_cross_zone');
    this.tooSmall = scope.counter('lb_zone_cluster_too_small');
    this.noCapacityLeft = scope.counter('lb_zone_no_capacity_left');
    this.recalculated = scope.counter('lb_recalculate_zone_structures');
    this.ownClusterNotOk = scope.counter('lb_local_cluster_not_ok');
  }
}

/** Shares of load are whole numbers of this. */
const whole = 10_000;

/**
 * Chooses a locality for a request; the index among these. Undefined where load is spread over all of them alike.
 * @param localities of the best priority; the proxy's own first, if any of the hosts are there
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/zone_aware
 */
export function zoneChooser(
  localities: readonly Host[][],
  own: OwnCluster,
  settings: ZoneSettings,
  stats: ZoneStats,
): (() => number) | undefined {
  stats.recalculated.add(stats.threads);
  const ownLocalities = byLocality(own.hosts, own.locality);
  if (localities.length < 2 || !isThere(ownLocalities, own.locality)) return undefined;
  const healthy = localities.map(hosts => hosts.filter(({ health }) => health === 'healthy'));
  if (healthy.flat().length < settings.minimumHosts.value) {
    stats.tooSmall.add(stats.threads);
    return undefined;
  }
  const shares = sharesOf(healthy, ownLocalities);
  const here = isThere(localities, own.locality) ? shares[0]! : undefined;
  if (here !== undefined && here.upstream > 0 && here.upstream >= here.own)
    return () => {
      stats.directly.increment();
      return 0;
    };
  const toStay = here !== undefined && here.own > 0 ? Math.floor((here.upstream * whole) / here.own) : 0;
  const spare = shares.map(share => (share === here ? 0 : Math.max(0, share.upstream - share.own)));
  return residualChooser(toStay, spare, stats);
}

/** @param spare what each locality can take beyond what its own clients send to it */
function residualChooser(toStay: number, spare: readonly number[], stats: ZoneStats): () => number {
  const total = spare.reduce((sum, one) => sum + one, 0);
  return () => {
    if (Math.random() * whole < toStay) {
      stats.sampled.increment();
      return 0;
    }
    stats.crossZone.increment();
    if (total === 0) {
      stats.noCapacityLeft.increment();
      return Math.floor(Math.random() * spare.length);
    }
    let point = Math.floor(Math.random() * total);
    return spare.findIndex(one => {
      point -= one;
      return point < 0;
    });
  };
}

const isThere = ([first]: readonly Host[][], locality: Locality | undefined): boolean =>
  first !== undefined && locality !== undefined && isSameLocality(first[0]!, locality);

/** What each of these localities has of the upstream's hosts and of the proxy's own cluster. */
function sharesOf(upstream: readonly Host[][], own: readonly Host[][]): { upstream: number; own: number }[] {
  const healthyOwn = own.map(hosts => hosts.filter(({ health }) => health === 'healthy'));
  const [allUpstream, allOwn] = [upstream.flat().length, healthyOwn.flat().length];
  const part = (count: number, all: number) => (all === 0 ? 0 : Math.floor((whole * count) / all));
  return upstream.map(hosts => {
    const [first] = hosts;
    if (first === undefined) return { upstream: 0, own: 0 };
    const beside = healthyOwn.find(([one]) => one !== undefined && isSameLocality(one, first));
    return { upstream: part(hosts.length, allUpstream), own: part(beside?.length ?? 0, allOwn) };
  });
}
