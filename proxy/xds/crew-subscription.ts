/** Subscriptions where several workers serve: the first one has the source, and tells the others what it took into use. */
import { serialize } from 'node:v8';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { LoadedResource } from '../configuration/resources.ts';
import type { Log } from '../log.ts';
import type { Crew, Told } from '../workers/crew.ts';
import type { ToldUpdate } from '../workers/news.ts';
import type { Consumer, Interest, Subscription, Update } from './subscription.ts';

/** What routes and secrets there are is told as it came; what comes of clusters, hosts and listeners is told by those who have them. */
const toldTypes: ReadonlySet<string> = new Set([
  'envoy.config.route.v3.RouteConfiguration',
  'envoy.config.route.v3.ScopedRouteConfiguration',
  'envoy.config.route.v3.VirtualHost',
  'envoy.extensions.transport_sockets.tls.v3.Secret',
]);

export const isTold = ({ typeName }: Interest): boolean => toldTypes.has(typeName);

/** By which all workers know it. */
export function subscriptionName(source: ConfigSource | undefined, { typeName, names, within }: Interest): string {
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
  return JSON.stringify([typeName, names ?? within, source], plain);
}

/** Takes updates as another consumer does, and tells the other workers of those that were taken: who hears of one needs none before it. */
export class TellingConsumer implements Consumer {
  readonly #name: string;
  readonly #crew: Crew;
  readonly #consumer: Consumer;
  /** All that there is, where that is not one resource only; undefined there. */
  #held: Map<string, LoadedResource> | undefined;
  readonly #answered = new Set<string>();
  #hasTold = false;

  constructor(name: string, { names }: Interest, crew: Crew, consumer: Consumer) {
    this.#name = name;
    this.#held = names === undefined ? new Map() : undefined;
    this.#crew = crew;
    this.#consumer = consumer;
  }

  async accept(update: Update): Promise<void> {
    await this.#consumer.accept(update);
    if (this.#held !== undefined) this.#tell(this.#whole(update, this.#held));
    else if (update.resources.length > 0) this.#tell(update);
  }

  #whole({ version, resources, removed, answered = [] }: Update, before: ReadonlyMap<string, LoadedResource>): Update {
    const held = new Map(removed === undefined ? [] : before);
    for (const name of removed ?? []) held.delete(name);
    for (const resource of resources) held.set(resource.name, { ...resource, version: resource.version ?? version });
    this.#held = held;
    for (const name of answered) this.#answered.add(name);
    return { version, resources: [...held.values()], refused: [], answered: [...this.#answered] };
  }

  /** The subscription that feeds this one. */
  over(inner: Subscription): Subscription {
    return {
      start: async () => {
        await inner.start();
        // They wait no longer, either.
        if (!this.#hasTold) this.#tell(undefined);
      },
      stop: () => {
        inner.stop();
        this.#crew.tell?.({ kind: 'resources-ended', subscription: this.#name });
      },
      demand: name => inner.demand?.(name),
    };
  }

  #tell(update: ToldUpdate): void {
    this.#hasTold = true;
    this.#crew.tell?.({ kind: 'resources', subscription: this.#name, packed: serialize(update) });
  }
}

/** What the first worker took. */
export class FollowedSubscription implements Subscription {
  readonly #name: string;
  readonly #told: Told;
  readonly #consumer: Consumer;
  readonly #log: Log;
  readonly #answered = Promise.withResolvers<void>();
  #stopReading: (() => void) | undefined;

  constructor(name: string, told: Told, consumer: Consumer, log: Log) {
    this.#name = name;
    this.#told = told;
    this.#consumer = consumer;
    this.#log = log;
  }

  start(): Promise<void> {
    this.#stopReading ??= this.#told.resources.read(this.#name, update => void this.#take(update));
    return this.#answered.promise;
  }

  stop(): void {
    this.#stopReading?.();
    this.#answered.resolve();
  }

  demand(name: string): void {
    this.#told.report({ kind: 'demand', subscription: this.#name, name });
  }

  async #take(update: ToldUpdate): Promise<void> {
    try {
      if (update !== undefined) await this.#consumer.accept(update);
    } catch (error) {
      // The first worker could use it: a file that it names is not what it was, say. What was there before stays.
      this.#log.error('config', `a worker cannot use what came as ${this.#name}: ${(error as Error).message}`);
    }
    this.#answered.resolve();
  }
}
