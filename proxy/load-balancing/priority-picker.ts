/** Chooses a priority by its load, then a host of it. */
import type { Host } from '../cluster/host.ts';
import { makePicker, type Picker, randomHash } from './host-picker.ts';
import { type PriorityHealth, type PriorityLoadSettings, priorityLoad } from './priority-load.ts';
import type { BalancerSettings } from './settings.ts';

export interface PickerSettings extends PriorityLoadSettings {
  balancer: BalancerSettings;
  /** Whether availability is measured by weights. */
  weightedPriorityHealth: boolean;
  /** Counts a choice among all hosts. */
  onPanic: () => void;
}

interface Share {
  /** Up to this number of 100. */
  upTo: number;
  pick: Picker;
}

/** Whether a policy chooses by what a request is hashed to. */
export const choosesByHash = ({ policy }: BalancerSettings): boolean => policy === 'ring-hash' || policy === 'maglev';

/** A picker over a snapshot of hosts and of their health. */
export function makePriorityPicker(hosts: readonly Host[], settings: PickerSettings): Picker {
  const levels = levelsOf(hosts);
  const counts = levels.map(level => healthOf(level, () => 1));
  const weights = settings.weightedPriorityHealth
    ? levels.map(level => healthOf(level, host => host.weight))
    : undefined;
  const load = priorityLoad(counts, settings, weights);
  const hashing = choosesByHash(settings.balancer);
  const shares: Share[] = [];
  let upTo = 0;
  for (const health of ['healthy', 'degraded'] as const)
    for (const [level, percent] of load[health].entries()) {
      if (percent === 0) continue;
      upTo += percent;
      const panic = load.panic[level]!;
      // In Envoy, a table of hashes never holds degraded hosts.
      const wanted = hashing ? 'healthy' : health;
      const among = panic ? levels[level]! : levels[level]!.filter(host => host.health === wanted);
      const pick = makePicker(settings.balancer, among);
      shares.push({ upTo, pick: panic ? counted(pick, settings.onPanic) : pick });
    }
  if (shares.length === 1) return shares[0]!.pick;
  return hashing ? byHash(shares) : byShare(shares);
}

function byShare(shares: readonly Share[]): Picker {
  return () => {
    const point = Math.floor(Math.random() * 100) + 1;
    return shares.find(({ upTo }) => point <= upTo)?.pick();
  };
}

/** The same request always comes to the same priority. */
function byHash(shares: readonly Share[]): Picker {
  return (hash = randomHash(), attempt = 0) => {
    const point = Number(hash % 100n) + 1;
    return shares.find(({ upTo }) => point <= upTo)?.pick(hash, attempt);
  };
}

/** A choice is counted once, however many hosts are refused. */
const counted =
  (pick: Picker, count: () => void): Picker =>
  (hash, attempt = 0) => {
    if (attempt === 0) count();
    return pick(hash, attempt);
  };

/** Best priority first; there is always one, if an empty one. */
function levelsOf(hosts: readonly Host[]): Host[][] {
  const levels: Host[][] = [[]];
  for (const host of hosts) {
    while (levels.length <= host.priority) levels.push([]);
    levels[host.priority]!.push(host);
  }
  return levels;
}

function healthOf(level: readonly Host[], measure: (host: Host) => number): PriorityHealth {
  const sum = (hosts: readonly Host[]) => hosts.reduce((total, host) => total + measure(host), 0);
  return {
    hosts: sum(level),
    healthy: sum(level.filter(host => host.health === 'healthy')),
    degraded: sum(level.filter(host => host.health === 'degraded')),
    excluded: sum(level.filter(host => host.excluded)),
  };
}
