/** How load is spread over the priorities of a cluster, by how many of their hosts can be used. */

/** One priority: how many hosts it has, or what they weigh together. */
export interface PriorityHealth {
  hosts: number;
  healthy: number;
  degraded: number;
  /** Of the hosts, those that are left out where it is asked how many of them can be used. */
  excluded: number;
  /** In percent; undefined: as the settings say. */
  overprovisioning?: number;
}

/** In percent, an entry for each priority; healthy and degraded together are 100. */
export interface PriorityLoad {
  healthy: number[];
  degraded: number[];
  /** Whether too few of its hosts can be used, so that all are used. */
  panic: boolean[];
}

export interface PriorityLoadSettings {
  /** In percent: 140 means that a priority takes all load while 72 % of its hosts are healthy. */
  overprovisioning: number;
  /** In percent of the hosts; 0: never in panic. */
  panicThreshold: number;
}

/**
 * @param levels best priority first
 * @param shares what availability is measured by; the hosts where they are counted, otherwise their weights
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/panic_threshold
 */
export function priorityLoad(
  levels: readonly PriorityHealth[],
  settings: PriorityLoadSettings,
  shares: readonly PriorityHealth[] = levels,
): PriorityLoad {
  const healthy = shares.map(level => availability(level.healthy, level, settings));
  const degraded = shares.map(level => availability(level.degraded, level, settings));
  const total = Math.min(100, sum(healthy) + sum(degraded));
  const none = levels.map(() => 0);
  if (settings.panicThreshold === 0 && total === 0)
    return { healthy: allToFirst(levels, 0), degraded: none, panic: levels.map(() => false) };
  const panic = levels.map(level => total < 100 && inPanic(level, settings));
  if (total === 0 || panic.every(Boolean)) return { healthy: byNumberOfHosts(levels), degraded: none, panic };
  return { ...spread(healthy, degraded, total), panic };
}

function availability(usable: number, level: PriorityHealth, settings: PriorityLoadSettings): number {
  const all = level.hosts - level.excluded;
  const overprovisioning = level.overprovisioning ?? settings.overprovisioning;
  return all === 0 ? 0 : Math.min(100, Math.floor((overprovisioning * usable) / all));
}

/** Whether too few of the hosts can be used. */
export function inPanic(
  { hosts, healthy, degraded, excluded }: PriorityHealth,
  { panicThreshold }: PriorityLoadSettings,
): boolean {
  const all = hosts - excluded;
  const percent = all === 0 ? 0 : (100 * (healthy + degraded)) / all;
  return percent < panicThreshold;
}

/** First to healthy hosts, best priority first; what rounding leaves goes to the first that can be used. */
function spread(healthy: number[], degraded: number[], total: number): { healthy: number[]; degraded: number[] } {
  let left = 100;
  const take = (available: number): number => {
    const load = Math.min(left, Math.floor((available * 100) / total));
    left -= load;
    return load;
  };
  const loads = { healthy: healthy.map(take), degraded: degraded.map(take) };
  const first = healthy.findIndex(available => available > 0);
  if (first >= 0) loads.healthy[first]! += left;
  else loads.degraded[degraded.findIndex(available => available > 0)]! += left;
  return loads;
}

/** Where all are in panic, health says nothing any more. */
function byNumberOfHosts(levels: readonly PriorityHealth[]): number[] {
  const all = sum(levels.map(level => level.hosts));
  if (all === 0) return allToFirst(levels, 0);
  const loads = levels.map(level => Math.floor((100 * level.hosts) / all));
  loads[levels.findIndex(level => level.hosts > 0)]! += 100 - sum(loads);
  return loads;
}

const allToFirst = (levels: readonly PriorityHealth[], first: number): number[] =>
  levels.map((_, index) => (index === first ? 100 : 0));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
