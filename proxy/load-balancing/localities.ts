/** Where hosts are: the localities of a cluster, and what each of them takes of the load. */
import type { Host } from '../cluster/host.ts';
import { EdfScheduler } from './edf-scheduler.ts';

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** Hosts, and the share of all load that each is to get; together, the shares are at most 1. */
export type HostShares = readonly { readonly host: Host; readonly share: number }[];

export function isSameLocality(one: Locality, other: Locality): boolean {
  return one.region === other.region && one.zone === other.zone && one.subZone === other.subZone;
}

/**
 * Hosts by where they are, in Envoy's order: those beside the proxy first, then by the names of their localities.
 * @param own where the proxy is; undefined: nobody said
 */
export function byLocality(hosts: readonly Host[], own: Locality | undefined): Host[][] {
  const groups = new Map<string, Host[]>();
  for (const host of hosts) {
    const key = JSON.stringify([host.region, host.zone, host.subZone]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [host]);
    else group.push(host);
  }
  const isOwn = ([first]: Host[]) => own !== undefined && isSameLocality(own, first!);
  return [...groups.values()].sort((a, b) => Number(isOwn(b)) - Number(isOwn(a)) || compare(a[0]!, b[0]!));
}

function compare(one: Locality, other: Locality): number {
  const key = (['region', 'zone', 'subZone'] as const).find(name => one[name] !== other[name]);
  if (key === undefined) return 0;
  return Buffer.compare(Buffer.from(one[key]), Buffer.from(other[key]));
}

/** Where several groups of hosts are of a locality, the last one says what it weighs. */
const weightOf = (hosts: readonly Host[]): number => hosts.at(-1)?.localityWeight ?? 0;

/** By the weights of the hosts alone. */
export function flatShares(hosts: readonly Host[], of = 1): HostShares {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0);
  return hosts.map(host => ({ host, share: (host.weight * of) / total }));
}

/**
 * First by the weights of the localities, then by those of their hosts. A locality without weight gets nothing.
 * @param usable whether a host may be used; what is due to the others of its locality goes to those that may
 */
export function localityShares(localities: readonly Host[][], usable: (host: Host) => boolean): HostShares {
  const total = localities.reduce((sum, hosts) => sum + weightOf(hosts), 0);
  const weighted = localities.filter(hosts => weightOf(hosts) > 0);
  return weighted.flatMap(hosts => flatShares(hosts.filter(usable), weightOf(hosts) / total));
}

/**
 * Chooses a locality by its weight, less where few of its hosts can be used; the index among these.
 * Undefined where none has a weight and hosts that can be used.
 * @param overprovisioning in percent
 */
export function localityChooser(
  localities: readonly Host[][],
  usable: (host: Host) => boolean,
  overprovisioning: number,
): (() => number) | undefined {
  const weights = localities.map(hosts => {
    const counted = hosts.filter(({ excluded }) => !excluded).length;
    const availability = counted === 0 ? 0 : hosts.filter(usable).length / counted;
    return weightOf(hosts) * Math.min(1, (overprovisioning / 100) * availability);
  });
  const chosen = [...weights.keys()].filter(index => weights[index]! > 0);
  if (chosen.length === 0) return undefined;
  const scheduler = EdfScheduler.startedAnywhere(chosen, index => weights[index]!);
  return () => scheduler.next(index => weights[index]!)!;
}
