/** One list and watch of objects for all who wait for something about them; it runs only while somebody does. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import { Watch } from '#kubernetes';

export type Listener<T> = (object: T, gone: boolean) => void;

const longestWaitMs = 5000;

export class SharedWatch<T extends KubernetesObject> {
  readonly #config: KubeConfig;
  readonly #path: string;
  readonly #query: Record<string, string>;
  readonly #list: () => Promise<{ metadata?: { resourceVersion?: string }; items: T[] }>;
  readonly #listeners = new Set<Listener<T>>();
  #running: { abort: AbortController; listed: PromiseWithResolvers<void> } | undefined;

  /**
   * @param path of the collection, with the same objects as `list` answers
   * @param query its selectors
   */
  constructor(
    config: KubeConfig,
    path: string,
    query: Record<string, string>,
    list: () => Promise<{ metadata?: { resourceVersion?: string }; items: T[] }>,
  ) {
    this.#config = config;
    this.#path = path;
    this.#query = query;
    this.#list = list;
  }

  /**
   * Tells of what is there, of each change and of what goes; errors of the connection are waited out.
   *
   * @returns what stops it, and when it has begun: nothing that goes after that goes unseen
   */
  follow(listener: Listener<T>): { stop: () => void; begun: Promise<void> } {
    this.#listeners.add(listener);
    if (this.#running === undefined) {
      this.#running = { abort: new AbortController(), listed: Promise.withResolvers() };
      void this.#run(this.#running.abort.signal, this.#running.listed.resolve);
    }
    const stop = (): void => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#running?.abort.abort();
      this.#running = undefined;
    };
    return { stop, begun: this.#running.listed.promise };
  }

  async #run(signal: AbortSignal, begun: () => void): Promise<void> {
    const known = new Map<string, T>();
    let wait = 100;
    while (!signal.aborted) {
      try {
        const { metadata, items } = await this.#list();
        if (signal.aborted) return;
        this.#listed(known, items);
        begun();
        for (let version = metadata?.resourceVersion; version !== undefined && !signal.aborted; wait = 100)
          version = await this.#watch(version, known, signal);
      } catch {
        // Who waits has a time limit, and says what it waited for.
        await delay(wait, undefined, { ref: false });
        wait = Math.min(wait * 2, longestWaitMs);
      }
    }
  }

  #listed(known: Map<string, T>, items: T[]): void {
    const there = new Set(items.map(uid));
    for (const [key, object] of known)
      if (!there.has(key)) {
        known.delete(key);
        this.#tell(object, true);
      }
    for (const object of items) this.#seen(known, object);
  }

  #seen(known: Map<string, T>, object: T): void {
    known.set(uid(object), object);
    this.#tell(object, false);
  }

  #tell(object: T, gone: boolean): void {
    for (const listener of [...this.#listeners]) listener(object, gone);
  }

  /** Resolves when the server or the silence ends it, with the version to go on from; undefined: list again. @throws where it was cut off */
  async #watch(from: string, known: Map<string, T>, signal: AbortSignal): Promise<string | undefined> {
    let version: string | undefined = from;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const query = { ...this.#query, resourceVersion: from, allowWatchBookmarks: true };
    const take = (type: string, object: T): void => {
      if (type === 'ERROR') version = undefined;
      else if (version !== undefined) version = object.metadata?.resourceVersion;
      if (type === 'DELETED') {
        known.delete(uid(object));
        this.#tell(object, true);
      } else if (type === 'ADDED' || type === 'MODIFIED') this.#seen(known, object);
    };
    const stopped = (): void => resolve(undefined);
    signal.addEventListener('abort', stopped, { once: true });
    const request = await new Watch(this.#config).watch(this.#path, query, take, resolve);
    const error = await promise;
    signal.removeEventListener('abort', stopped);
    request.abort();
    if (error && !isQuiet(error as Error)) throw error;
    return version;
  }
}

const uid = (object: KubernetesObject): string => object.metadata?.uid ?? '';

/** Nothing came for a while: the client ends such watches. */
const isQuiet = ({ name }: Error): boolean => name === 'TimeoutError';
