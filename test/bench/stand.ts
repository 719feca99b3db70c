/** A folder and programs that are there for one benchmark, and gone after it however it ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envoy, haproxy, nginxProxy, own, type Peer } from './peers.ts';
import type { Setup } from './proxy-configuration.ts';

const proxies = { nginx: nginxProxy, HAProxy: haproxy, Envoy: envoy, ours: own };
export type ProxyName = keyof typeof proxies;

export class Stand {
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly #peers = new Set<Peer>();

  /** Runs with a stand. */
  static async with(use: (stand: Stand) => Promise<void>): Promise<void> {
    const stand = new Stand();
    try {
      await use(stand);
    } finally {
      await stand.stop(stand.#peers);
      rmSync(stand.folder, { recursive: true, force: true });
    }
  }

  async keep(starting: Promise<Peer>): Promise<Peer> {
    const peer = await starting;
    this.#peers.add(peer);
    return peer;
  }

  /** Starts those of the proxies that are here and can be set up so. */
  async proxies(setup: Setup, names = Object.keys(proxies) as ProxyName[]): Promise<Peer[]> {
    const started: Peer[] = [];
    for (const name of names) {
      const peer = await proxies[name](this.folder, setup);
      if (peer !== null) started.push(await this.keep(Promise.resolve(peer)));
    }
    return started;
  }

  async stop(peers: Iterable<Peer>): Promise<void> {
    for (const peer of peers) {
      this.#peers.delete(peer);
      await peer.stop();
    }
  }
}
