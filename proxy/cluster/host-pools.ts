/** The pools of a cluster: of each host one for each priority, version of HTTP and name that it is asked in. */
import type { PeerName } from '../tls/tls-client.ts';
import type { Priority } from './cluster.ts';
import type { Host } from './host.ts';
import type { Pool, PoolProtocol } from './pool.ts';

export type MakePool = (host: Host, priority: Priority, protocol: PoolProtocol, name: PeerName | undefined) => Pool;

type Key = `${Priority} ${PoolProtocol}`;

export class HostPools {
  readonly #pools = new Map<Host, Map<Key, Pool>>();
  /** Those for a name that requests give. */
  readonly #named = new Map<Host, Map<PeerName, Map<Key, Pool>>>();
  readonly #make: MakePool;

  constructor(make: MakePool) {
    this.#make = make;
  }

  /**
   * A host's pool; made where it is not there yet.
   * @param name undefined: as the configuration names it
   */
  get(host: Host, priority: Priority, protocol: PoolProtocol, name: PeerName | undefined): Pool {
    const pools = name === undefined ? inner(this.#pools, host) : this.#poolsOf(host, name);
    const key: Key = `${priority} ${protocol}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      pool = this.#make(host, priority, protocol, name);
      pools.set(key, pool);
    }
    return pool;
  }

  /** Clients may name any: pools that nobody uses go when another name comes. */
  #poolsOf(host: Host, name: PeerName): Map<Key, Pool> {
    const names = inner(this.#named, host);
    if (!names.has(name))
      for (const [other, pools] of names) if ([...pools.values()].every(pool => pool.unused)) names.delete(other);
    return inner(names, name);
  }

  /** The host left: its connections end with their requests. */
  drop(host: Host): void {
    for (const pool of this.#of(host)) pool.drain();
    this.#pools.delete(host);
    this.#named.delete(host);
  }

  *#of(host: Host): Iterable<Pool> {
    yield* this.#pools.get(host)?.values() ?? [];
    for (const pools of this.#named.get(host)?.values() ?? []) yield* pools.values();
  }

  *[Symbol.iterator](): Iterator<Pool> {
    for (const host of new Set([...this.#pools.keys(), ...this.#named.keys()])) yield* this.#of(host);
  }
}

/** The map within; made where it is not there yet. */
function inner<Outer, Key, Value>(maps: Map<Outer, Map<Key, Value>>, key: Outer): Map<Key, Value> {
  let found = maps.get(key);
  if (found === undefined) {
    found = new Map();
    maps.set(key, found);
  }
  return found;
}
