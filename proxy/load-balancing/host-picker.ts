/** Chooses a host among those of a priority. A picker is an immutable snapshot of the hosts, made anew when they change. */
import type { Host } from '../cluster/host.ts';
import { EdfScheduler } from './edf-scheduler.ts';
import { HashRing } from './hash-ring.ts';
import { MaglevTable } from './maglev-table.ts';
import type { MetadataCriteria } from './metadata-criteria.ts';
import type { BalancerSettings } from './settings.ts';

/**
 * @param hash what the request is hashed to, 64 bits; only policies that hash ask for it, and where there is none they choose by chance
 * @param attempt from 0: how often a host was chosen for this try that is not wanted
 * @param criteria what the metadata of the host have to be, where the cluster divides its hosts by them
 */
export type Picker = (hash?: bigint, attempt?: number, criteria?: MetadataCriteria) => Host | undefined;

/** A picker over these hosts, whatever their health. */
export function makePicker(settings: BalancerSettings, hosts: readonly Host[]): Picker {
  const { policy } = settings;
  if (policy === 'ring-hash' || policy === 'maglev') {
    const table = policy === 'maglev' ? new MaglevTable(hosts, settings) : new HashRing(hosts, settings);
    return (hash = randomHash(), attempt = 0) => table.pick(hash, attempt);
  }
  if (hosts.length <= 1) return () => hosts[0];
  const weighted = hosts.some(host => host.weight !== hosts[0]!.weight);
  if (policy === 'random') return () => hosts[Math.floor(Math.random() * hosts.length)];
  if (policy === 'least-request')
    return weighted ? weightedLeastRequest(hosts, settings) : () => leastOf(hosts, settings.choiceCount);
  return weighted ? weightedRoundRobin(hosts) : roundRobin(hosts);
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

/** Smooth weighted round robin: each host gets its share, spread as evenly as can be. */
function weightedRoundRobin(hosts: readonly Host[]): Picker {
  const credit = hosts.map(() => 0);
  const total = hosts.reduce((sum, host) => sum + host.weight, 0);
  return () => {
    let best = 0;
    for (let i = 0; i < hosts.length; i++) {
      credit[i]! += hosts[i]!.weight;
      if (credit[i]! > credit[best]!) best = i;
    }
    credit[best]! -= total;
    return hosts[best];
  };
}

/** The host with the fewest active requests of some drawn at random. */
function leastOf(hosts: readonly Host[], choices: number): Host | undefined {
  let best: Host | undefined;
  for (let i = 0; i < choices; i++) {
    const host = hosts[Math.floor(Math.random() * hosts.length)]!;
    if (best === undefined || host.gauges.rq_active < best.gauges.rq_active) best = host;
  }
  return best;
}

/** Round robin by weights that shrink with the requests that are under way. */
function weightedLeastRequest(hosts: readonly Host[], { activeRequestBias }: BalancerSettings): Picker {
  const weightOf = ({ weight, gauges }: Host): number =>
    weight / (gauges.rq_active + 1) ** Math.max(0, activeRequestBias.value);
  const scheduler = new EdfScheduler<Host>();
  for (const host of hosts) scheduler.add(host, weightOf(host));
  // Proxies that begin at the same time do not all begin with the same host.
  for (let skipped = Math.floor(Math.random() * hosts.length); skipped > 0; skipped--) scheduler.next(weightOf);
  return () => scheduler.next(weightOf);
}
