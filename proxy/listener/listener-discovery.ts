/** Listeners that come, change and go while the proxy runs. */
import type { FailedUpdate } from '../admin-source.ts';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import type { LoadedResource, RefusedResource } from '../configuration/resources.ts';
import type { Log } from '../log.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import type { ListenerManager } from './listener-manager.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/lds */
export class ListenerDiscovery implements Consumer {
  /** Of the last update of which anything was taken. */
  version = '';
  /** What could not be taken of the last update. */
  failures: readonly FailedUpdate[] = [];
  readonly #listeners: ListenerManager;
  readonly #xds: XdsContext;
  readonly #log: Log;
  readonly #subscription: Subscription;

  constructor(source: ConfigSource, listeners: ListenerManager, xds: XdsContext | undefined, scope: StatsScope) {
    const context = requireXds(xds);
    this.#listeners = listeners;
    this.#xds = context;
    this.#log = context.log;
    this.#subscription = context.subscribe(source, { typeName: 'envoy.config.listener.v3.Listener' }, scope, this);
  }

  /** Ends when the listeners of the first update could serve. */
  async start(): Promise<void> {
    await this.#subscription.start();
  }

  stop(): void {
    this.#subscription.stop();
  }

  async accept(update: Update): Promise<void> {
    // All that listeners need is asked for at once.
    const resume = this.#xds.pause([
      'envoy.config.route.v3.RouteConfiguration',
      'envoy.extensions.transport_sockets.tls.v3.Secret',
    ]);
    try {
      await this.#accept(update);
    } finally {
      resume();
    }
  }

  async #accept({ version, resources, removed, refused }: Update): Promise<void> {
    const kept = new Set([...resources, ...refused].map(({ name }) => name));
    const gone = removed ?? [...this.#listeners.dynamicNames].filter(name => !kept.has(name));
    let applied = 0;
    // First of all, since others may come to their addresses.
    for (const name of gone)
      if (this.#listeners.remove(name)) {
        applied++;
        this.#log.info('upstream', `lds: remove listener '${name}'`);
      }
    const failures: FailedUpdate[] = refused.map(one => failureOf(one, one.refused));
    const seen = new Set(refused.map(({ name }) => name));
    for (const resource of resources) {
      const problem = await this.#take(resource, version, seen);
      if (problem === 'none') applied++;
      else if (problem !== 'same') failures.push(problem);
    }
    this.failures = failures;
    if (applied > 0) this.version = version;
    if (failures.length === 0) return;
    const lines = failures.map(({ name, details }) => `${name}: ${details}\n`);
    throw new UpdateRefused(`Error adding/updating listener(s) ${lines.join('')}`);
  }

  async #take(
    resource: LoadedResource,
    updateVersion: string,
    seen: Set<string>,
  ): Promise<FailedUpdate | 'none' | 'same'> {
    const { name, message, document, version = updateVersion } = resource;
    if (seen.has(name)) return { ...failureOf(resource, `duplicate listener ${name} found`), isDuplicate: true };
    seen.add(name);
    try {
      if (!(await this.#listeners.update(message as Configuration, document, version))) return 'same';
      this.#log.info('upstream', `lds: add/update listener '${name}'`);
      return 'none';
    } catch (error) {
      return failureOf(resource, (error as Error).message);
    }
  }
}

function failureOf({ name, document }: LoadedResource | RefusedResource, details: string): FailedUpdate {
  return { name, document, details, attempted: new Date(), isDuplicate: false };
}
