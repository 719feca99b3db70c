/** Resources from a file that holds a DiscoveryResponse: read at the start, and again when another file is moved in its place. */
import { ConfigurationError } from '../configuration/errors.ts';
import type { Log } from '../log.ts';
import { FileWatch, inodeOf } from './file-watch.ts';
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
  readonly #watch: FileWatch;
  #reading: Promise<void> | undefined;
  #stale = false;
  #stopped = false;

  /** @throws Error where there is no such file */
  constructor(source: FileSource, options: FileSubscriptionOptions) {
    this.#source = source;
    this.#options = options;
    this.#watch = new FileWatch(source.path, source.watchedFolder, {
      onMoved: () => void this.#read(),
      // What is there now is better than nothing.
      onFailed: error => this.#warn(`watching ${source.path}: ${error.message}`),
    });
    if (inodeOf(source.path) === undefined)
      throw new Error(`paths must refer to an existing path in the system: '${source.path}' does not exist`);
  }

  async start(): Promise<void> {
    this.#watch.start();
    await this.#read();
  }

  stop(): void {
    this.#stopped = true;
    this.#watch.stop();
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
      await consumer.accept(update);
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
    stats.rejected();
    // What is not an UpdateRefused is a mistake of the proxy's own: it goes on as it was, and tells where.
    const reason = error instanceof UpdateRefused ? error.message : ((error as Error).stack ?? String(error));
    this.#warn(`Filesystem config update rejected: ${reason}`);
  }

  #warn(text: string): void {
    this.#options.log.warning('config', text);
  }
}
