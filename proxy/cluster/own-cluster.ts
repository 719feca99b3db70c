/** The cluster that the proxy itself is a host of, where its bootstrap names one. */
import type { Locality } from '../load-balancing/localities.ts';
import type { OwnCluster as OwnHosts } from '../load-balancing/zone-routing.ts';
import type { Host } from './host.ts';

export class OwnCluster implements OwnHosts {
  readonly name: string;
  readonly locality: Locality | undefined;
  #hosts: readonly Host[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(name: string, locality: Locality | undefined) {
    this.name = name;
    this.locality = locality;
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** Its hosts, or the health of some, are not what they were. */
  tell(hosts: readonly Host[]): void {
    this.#hosts = hosts;
    for (const watcher of this.#watchers) watcher();
  }

  /** Calls back after each change; returns what ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
