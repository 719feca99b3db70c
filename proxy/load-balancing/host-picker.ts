/** Chooses a host among those of a priority. A picker is an immutable snapshot of the hosts, made anew when they change. */
import type { Host } from '../cluster/host.ts';
import { withinBound } from './bounded-load.ts';
import { EdfScheduler } from './edf-scheduler.ts';
import { HashRing } from './hash-ring.ts';
import type { HostShares } from './localities.ts';
import { MaglevTable } from './maglev-table.ts';
import type { MetadataCriteria } from './metadata-criteria.ts';
import type { BalancerSettings } from './settings.ts';

/**
 * @param hash what the request is hashed to, 64 bits; only policies that hash ask for it, and where there is none they choose by chance
 * @param attempt from 0: how often a host was chosen for this try that is not wanted
 * @param criteria what the metadata of the host have to be, where the cluster divides its hosts by them
 */
export type Picker = (hash?: bigint, attempt?: number, criteria?: MetadataCriteria) => Host | undefined;

/** A picker over these hosts, whatever their health, by a policy that does not hash. */
export function makePicker(settings: BalancerSettings, hosts: readonly Host[]): Picker {
  const { policy, slowStart } = settings;
  if (hosts.length <= 1) return () => hosts[0];
  if (policy === 'random') return () => hosts[Math.floor(Math.random() * hosts.length)];
  const starting = slowStart?.concerns(hosts) ?? false;
  if (starting || hosts.some(host => host.weight !== hosts[0]!.weight))
    return weighted(hosts, weightBy(settings, starting));
  if (policy === 'round-robin') return roundRobin(hosts);
  return settings.fullScan ? () => leastOfAll(hosts) : () => leastOf(hosts, settings.choiceCount);
}

/** A picker by what a request is hashed to. */
export function makeHashPicker(settings: BalancerSettings, shares: HostShares, active: () => number): Picker {
  const table = settings.policy === 'maglev' ? new MaglevTable(shares, settings) : new HashRing(shares, settings);
  const bound = settings.hashBalanceFactor && { factor: settings.hashBalanceFactor, active };
  return (hash = randomHash(), attempt = 0) => {
    const host = table.pick(hash, attempt);
    return host && bound ? withinBound(host, hash, shares, bound) : host;
  };
}

/** 64 bits by chance. */
export function randomHash(): bigint {
  const half = () => BigInt(Math.floor(Math.random() * 0x1_0000_0000));
  return (half() << 32n) | half();
}

function roundRobin(hosts: readonly Host[]): Picker {
  let next = Math.floor(Math.random() * hosts.length);
  return () => {
    if (next >= hosts.length) next = 0;
    return hosts[next++];
  };
}

/** Each host gets its share, spread as evenly as can be; weights may be others at each choice. */
function weighted(hosts: readonly Host[], weightOf: (host: Host) => number): Picker {
  const scheduler = EdfScheduler.startedAnywhere(hosts, weightOf);
  return () => scheduler.next(weightOf);
}

/** @param starting whether any of the hosts is at its start */
function weightBy(
  { policy, slowStart, activeRequestBias }: BalancerSettings,
  starting: boolean,
): (host: Host) => number {
  // Requests that are under way make a host lighter.
  const busy = policy === 'least-request';
  const own = (host: Host): number =>
    busy ? host.weight / (host.active + 1) ** Math.max(0, activeRequestBias.value) : host.weight;
  return starting && slowStart ? host => own(host) * slowStart.factor(host) : own;
}

/** The host with the fewest active requests of some drawn at random. */
function leastOf(hosts: readonly Host[], choices: number): Host | undefined {
  let best: Host | undefined;
  for (let i = 0; i < choices; i++) {
    const host = hosts[Math.floor(Math.random() * hosts.length)]!;
    if (best === undefined || host.active < best.active) best = host;
  }
  return best;
}

/** The host with the fewest active requests; of several, any. */
function leastOfAll(hosts: readonly Host[]): Host | undefined {
  const fewest = Math.min(...hosts.map(({ active }) => active));
  const least = hosts.filter(({ active }) => active === fewest);
  return least[Math.floor(Math.random() * least.length)];
}
