/** Chooses a priority by its load, then a locality of it where that matters, then a host. */
import type { Host } from '../cluster/host.ts';
import type { Health } from '../cluster/host-health.ts';
import { makeHashPicker, makePicker, type Picker, randomHash } from './host-picker.ts';
import { byLocality, flatShares, type Locality, localityChooser, localityShares } from './localities.ts';
import {
  inPanic,
  type PriorityHealth,
  type PriorityLoad,
  type PriorityLoadSettings,
  priorityLoad,
} from './priority-load.ts';
import type { BalancerSettings } from './settings.ts';
import { type OwnCluster, type ZoneStats, zoneChooser } from './zone-routing.ts';

export interface PickerSettings extends PriorityLoadSettings {
  balancer: BalancerSettings;
  /** Whether availability is measured by weights. */
  weightedPriorityHealth: boolean;
  /** Counts a choice among all hosts. */
  onPanic: () => void;
  /** Where the proxy is; undefined: nobody said. */
  locality: Locality | undefined;
  /** Undefined where the proxy belongs to no cluster, or to this one. */
  own: OwnCluster | undefined;
  zoneStats: () => ZoneStats;
  /** Requests that are under way in the whole cluster. */
  active: () => number;
}

interface Share {
  /** Up to this number of 100. */
  upTo: number;
  pick: Picker;
}

/** Whether a policy chooses by what a request is hashed to. */
export const choosesByHash = ({ policy }: BalancerSettings): boolean => policy === 'ring-hash' || policy === 'maglev';

const nobody: Picker = () => undefined;

/** The hosts of a priority that have this health. */
export interface Level {
  priority: number;
  health: 'healthy' | 'degraded';
}

/** A picker over a snapshot of hosts and of their health. */
export function makePriorityPicker(hosts: readonly Host[], settings: PickerSettings): Picker {
  const levels = levelsOf(hosts);
  const load = loadOf(levels, settings);
  const hashing = choosesByHash(settings.balancer);
  const chooseZone = hashing ? undefined : zoneOf(levels[0]!, settings);
  const shares: Share[] = [];
  let upTo = 0;
  for (const health of ['healthy', 'degraded'] as const)
    for (const [level, percent] of load[health].entries()) {
      if (percent === 0) continue;
      upTo += percent;
      const part = { level: levels[level]!, health, panic: load.panic[level]!, settings };
      const pick = hashing ? hashPickerOf(part) : pickerOf(part, level === 0 ? chooseZone : undefined);
      shares.push({ upTo, pick: part.panic ? counted(pick, settings.onPanic) : pick });
    }
  if (shares.length === 1) return shares[0]!.pick;
  return hashing ? byHash(shares) : byShare(shares);
}

/** A picker within one priority; in a panic of that one, among all of its hosts. */
export function makeLevelPicker(hosts: readonly Host[], settings: PickerSettings, { priority, health }: Level): Picker {
  const levels = levelsOf(hosts);
  const level = levels[priority];
  if (level === undefined) return nobody;
  const part = { level, health, panic: loadOf(levels, settings).panic[priority]!, settings };
  const pick = choosesByHash(settings.balancer) ? hashPickerOf(part) : pickerOf(part, undefined);
  return part.panic ? counted(pick, settings.onPanic) : pick;
}

/** Whether so few hosts of a priority are healthy that all of them are chosen from. */
export function isInPanic(hosts: readonly Host[], settings: PickerSettings, priority: number): boolean {
  return loadOf(levelsOf(hosts), settings).panic[priority] ?? false;
}

function loadOf(levels: readonly (readonly Host[])[], settings: PickerSettings): PriorityLoad {
  const counts = levels.map(level => healthOf(level, () => 1));
  const weights = settings.weightedPriorityHealth
    ? levels.map(level => healthOf(level, host => host.weight))
    : undefined;
  return priorityLoad(counts, settings, weights);
}

/** The hosts of a priority that have this health; in a panic, all. */
interface Part {
  level: readonly Host[];
  health: Health;
  panic: boolean;
  settings: PickerSettings;
}

function hashPickerOf({ level, panic, settings }: Part): Picker {
  // In Envoy, a table of hashes never holds degraded hosts.
  const usable = ({ health }: Host) => panic || health === 'healthy';
  const { balancer } = settings;
  const shares = balancer.weightedLocalities
    ? localityShares(byLocality(level, settings.locality), usable)
    : flatShares(level.filter(usable));
  return makeHashPicker(balancer, shares, settings.active);
}

function pickerOf({ level, health, panic, settings }: Part, chooseZone: ZoneChoice | undefined): Picker {
  const { balancer } = settings;
  if (panic) return balancer.failsOnPanic ? nobody : makePicker(balancer, level);
  const usable = (host: Host) => host.health === health;
  const localities = byLocality(level, settings.locality);
  const choose = balancer.weightedLocalities
    ? localityChooser(localities, usable, settings.overprovisioning)
    : undefined;
  const ofLocality = () => localities.map(hosts => makePicker(balancer, hosts.filter(usable)));
  if (choose !== undefined) {
    const picks = ofLocality();
    return () => picks[choose()]!();
  }
  const all = makePicker(balancer, level.filter(usable));
  return chooseZone === undefined ? all : inZones(chooseZone, ofLocality(), all, balancer.failsOnPanic);
}

/** The index of a locality, or why there is none for a request. */
type ZoneChoice = () => number | 'off' | 'own-cluster-in-panic';

function zoneOf(level: readonly Host[], settings: PickerSettings): ZoneChoice | undefined {
  const { own, balancer } = settings;
  if (own === undefined) return undefined;
  const zoneStats = settings.zoneStats();
  const choose = zoneChooser(byLocality(level, settings.locality), own, balancer.zones, zoneStats);
  if (choose === undefined) return undefined;
  const ownInPanic = inPanic(
    healthOf(own.hosts, () => 1),
    settings,
  );
  return () => {
    if (Math.random() * 100 >= balancer.zones.enabled.value) return 'off';
    if (!ownInPanic) return choose();
    zoneStats.ownClusterNotOk.increment();
    return 'own-cluster-in-panic';
  };
}

function inZones(choose: ZoneChoice, picks: readonly Picker[], all: Picker, failsOnPanic: boolean): Picker {
  return () => {
    const choice = choose();
    if (typeof choice === 'number') return picks[choice]!();
    return choice === 'own-cluster-in-panic' && failsOnPanic ? undefined : all();
  };
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
export function levelsOf(hosts: readonly Host[]): Host[][] {
  const levels: Host[][] = [[]];
  for (const host of hosts) {
    while (levels.length <= host.priority) levels.push([]);
    levels[host.priority]!.push(host);
  }
  return levels;
}

export function healthOf(level: readonly Host[], measure: (host: Host) => number): PriorityHealth {
  const sum = (hosts: readonly Host[]) => hosts.reduce((total, host) => total + measure(host), 0);
  return {
    hosts: sum(level),
    healthy: sum(level.filter(host => host.health === 'healthy')),
    degraded: sum(level.filter(host => host.health === 'degraded')),
    excluded: sum(level.filter(host => host.excluded)),
  };
}
