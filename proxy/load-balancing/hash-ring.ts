/** Hosts on a ring of hashes: a request goes to the first at or after its own, so that one host more moves few requests. */
import type { Host } from '../cluster/host.ts';
import { murmurHash64 } from '../hash/murmur-hash.ts';
import { xxHash64 } from '../hash/xx-hash.ts';
import type { HostShares } from './localities.ts';
import type { BalancerSettings } from './settings.ts';

export class HashRing {
  readonly #hashes: BigUint64Array;
  readonly #hosts: Host[];

  /** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#ring-hash */
  constructor(shares: HostShares, settings: BalancerSettings) {
    const entries = entriesOf(shares, settings).sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
    this.#hashes = BigUint64Array.from(entries, ({ hash }) => hash);
    this.#hosts = entries.map(({ host }) => host);
  }

  /** @param attempt from 0; another one gives another place on the ring, mostly another host */
  pick(hash: bigint, attempt: number): Host | undefined {
    const hosts = this.#hosts;
    return hosts[(this.#firstFrom(hash) + attempt) % hosts.length];
  }

  #firstFrom(hash: bigint): number {
    const hashes = this.#hashes;
    let low = 0;
    let high = hashes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (hashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === hashes.length ? 0 : low;
  }
}

function entriesOf(shares: HostShares, settings: BalancerSettings): { hash: bigint; host: Host }[] {
  if (shares.length === 0) return [];
  const least = Math.min(...shares.map(({ share }) => share));
  // The lightest host gets a whole number of places; of the others, the sums are kept near to what is due.
  const scale = Math.min(Math.ceil(least * settings.minimumRingSize) / least, settings.maximumRingSize);
  const hashOf = settings.murmur ? murmurHash64 : xxHash64;
  const entries: { hash: bigint; host: Host }[] = [];
  const places: number[] = [];
  let due = 0;
  for (const { host, share } of shares) {
    due += scale * share;
    const key = host.hashKey(settings.hashesHostnames);
    let place = 0;
    for (; entries.length < due; place++) entries.push({ hash: hashOf(Buffer.from(`${key}_${place}`)), host });
    places.push(place);
  }
  settings.onTable(Math.ceil(scale), Math.min(...places), Math.max(...places));
  return entries;
}
