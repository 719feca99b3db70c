/** A table of hashes whose hosts take no more than some share of the requests under way: what is too much for one goes to others. */
import type { Host } from '../cluster/host.ts';
import { MersenneTwister } from '../hash/mersenne-twister.ts';
import type { HostShares } from './localities.ts';

export interface LoadBound {
  /** In percent of what is due to a host by its weight. */
  readonly factor: number;
  /** Requests under way in the whole cluster. */
  readonly active: () => number;
}

/**
 * The host that the table gives, or where that has enough to do, the first that has not in an order that only the hash decides;
 * where all have, the one that has least too much.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto (hash_balance_factor)
 */
export function withinBound(chosen: Host, hash: bigint, shares: HostShares, bound: LoadBound): Host {
  const slots = Math.floor(((bound.active() + 1) * bound.factor + 99) / 100);
  const loadOf = (host: Host, share: number) => host.active / Math.max(1, Math.ceil(slots * share));
  let least = { host: chosen, load: loadOf(chosen, shares.find(({ host }) => host === chosen)?.share ?? 0) };
  if (least.load <= 1) return chosen;
  const order = [...shares];
  const random = new MersenneTwister(Number(BigInt.asUintN(32, hash)));
  for (let i = 0; i < order.length; i++) {
    const j = i + random.below(order.length - i);
    [order[i], order[j]] = [order[j]!, order[i]!];
    const { host, share } = order[i]!;
    if (host === chosen) continue;
    const load = loadOf(host, share);
    if (load <= 1) return host;
    if (load < least.load) least = { host, load };
  }
  return least.host;
}
