/** A table of hosts in which each fills the places that its own permutation comes to first: even shares, and few moves when hosts change. */
import type { Host } from '../cluster/host.ts';
import { xxHash64 } from '../hash/xx-hash.ts';
import type { HostShares } from './localities.ts';
import type { BalancerSettings } from './settings.ts';

interface Filler {
  index: number;
  offset: number;
  skip: number;
  weight: number;
  /** What its weight has to come to for its next place. */
  target: number;
  next: number;
  count: number;
}

const free = 0xffff_ffff;
const all64 = 0xffff_ffff_ffff_ffffn;

export class MaglevTable {
  readonly #hosts: readonly Host[];
  readonly #table: Uint32Array;

  /** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#maglev */
  constructor(shares: HostShares, settings: BalancerSettings) {
    const keyed = shares.map(({ host, share }) => ({
      host,
      share,
      key: Buffer.from(host.hashKey(settings.hashesHostnames)),
    }));
    keyed.sort((a, b) => Buffer.compare(a.key, b.key));
    this.#hosts = keyed.map(({ host }) => host);
    const size = shares.length === 0 ? 0 : settings.tableSize;
    this.#table = new Uint32Array(size).fill(free);
    const fillers = keyed.map(({ share, key }, index) => ({
      index,
      offset: Number(xxHash64(key) % BigInt(size)),
      skip: Number(xxHash64(key, 1n) % BigInt(size - 1)) + 1,
      weight: share,
      ...{ target: 0, next: 0, count: 0 },
    }));
    this.#fill(fillers);
    const counts = fillers.map(({ count }) => count);
    if (size > 0) settings.onTable(size, Math.min(...counts), Math.max(...counts));
  }

  #fill(fillers: Filler[]): void {
    const table = this.#table;
    const heaviest = Math.max(...fillers.map(({ weight }) => weight));
    let filled = 0;
    for (let round = 1; filled < table.length; round++) {
      for (const filler of fillers) {
        if (filled === table.length) return;
        // The heaviest takes a place in each round, one of a third of its weight in each third.
        if (round * filler.weight < filler.target) continue;
        filler.target += heaviest;
        let place = placeOf(filler, table.length);
        while (table[place] !== free) {
          filler.next++;
          place = placeOf(filler, table.length);
        }
        table[place] = filler.index;
        filler.next++;
        filler.count++;
        filled++;
      }
    }
  }

  /** @param attempt from 0; another one changes most of the hash */
  pick(hash: bigint, attempt: number): Host | undefined {
    const table = this.#table;
    if (table.length === 0) return undefined;
    const turned = attempt > 0 ? hash ^ (all64 - BigInt(attempt) + 1n) : hash;
    return this.#hosts[table[Number(turned % BigInt(table.length))]!];
  }
}

const placeOf = ({ offset, skip, next }: Filler, size: number): number => (offset + skip * next) % size;
