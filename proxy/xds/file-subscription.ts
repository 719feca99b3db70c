/** Resources from a file that holds a DiscoveryResponse: read at the start, and again when another file is moved in its place. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ConfigurationError } from '../configuration/errors.ts';
import type { Log } from '../log.ts';
import {
  type Consumer,
  type Interest,
  type Subscription,
  type SubscriptionStats,
  UpdateRefused,
} from './subscription.ts';
import type { UpdateLoader } from './update-loader.ts';

export interface FileSource {
  path: string;
  /** A folder in which any move makes the file be read again, as where a Kubernetes ConfigMap is mounted; '' for none. */
  watchedFolder: string;
}

export interface FileSubscriptionOptions {
  interest: Interest;
  consumer: Consumer;
  stats: SubscriptionStats;
  loader: UpdateLoader;
  log: Log;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/config_source.proto#config-core-v3-pathconfigsource */
export class FileSubscription implements Subscription {
  readonly #source: FileSource;
  readonly #options: FileSubscriptionOptions;
  #watcher: FSWatcher | undefined;
  #inode: number | undefined;
  #reading: Promise<void> | undefined;
  #stale = false;
  #stopped = false;

  /** @throws Error where there is no such file */
  constructor(source: FileSource, options: FileSubscriptionOptions) {
    this.#source = source;
    this.#options = options;
    this.#inode = inodeOf(source.path);
    if (this.#inode === undefined)
      throw new Error(`paths must refer to an existing path in the system: '${source.path}' does not exist`);
  }

  async start(): Promise<void> {
    this.#watch();
    await this.#read();
  }

  /** Where nothing can be watched (the system bounds how much may be), what is there now is better than nothing. */
  #watch(): void {
    const { path, watchedFolder } = this.#source;
    const failed = (error: unknown) => this.#warn(`watching ${path}: ${(error as Error).message}`);
    try {
      this.#watcher = watch(watchedFolder || dirname(path), (event, name) => {
        if (event === 'rename' && (watchedFolder !== '' || name === basename(path))) this.#moved();
      });
      this.#watcher.on('error', failed);
    } catch (error) {
      failed(error);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#watcher?.close();
  }

  /** A file that was written to in place is the same one: as with Envoy, it has to be moved there, since half of it might be read otherwise. */
  #moved(): void {
    const inode = inodeOf(this.#source.path);
    if (inode === undefined || (inode === this.#inode && this.#source.watchedFolder === '')) return;
    this.#inode = inode;
    void this.#read();
  }

  /** One reading at a time; what changed meanwhile is read after it. */
  async #read(): Promise<void> {
    this.#stale = true;
    this.#reading ??= this.#readWhileStale();
    await this.#reading;
  }

  async #readWhileStale(): Promise<void> {
    while (this.#stale && !this.#stopped) {
      this.#stale = false;
      await this.#readOnce();
    }
    this.#reading = undefined;
  }

  async #readOnce(): Promise<void> {
    const { stats, loader, interest, consumer } = this.#options;
    stats.updateAttempt.increment();
    try {
      const update = await loader.load(interest, { path: this.#source.path });
      if (this.#stopped) return;
      const startedMs = performance.now();
      consumer.accept(update);
      stats.succeeded(update.version, performance.now() - startedMs);
    } catch (error) {
      if (!this.#stopped) this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { stats } = this.#options;
    if (error instanceof ConfigurationError) {
      stats.updateFailure.increment();
      this.#warn(`Filesystem config update failure: ${error.message}`);
      return;
    }
    stats.updateRejected.increment();
    // What is not an UpdateRefused is a mistake of the proxy's own: it goes on as it was, and tells where.
    const reason = error instanceof UpdateRefused ? error.message : ((error as Error).stack ?? String(error));
    this.#warn(`Filesystem config update rejected: ${reason}`);
  }

  #warn(text: string): void {
    this.#options.log.warning('config', text);
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
