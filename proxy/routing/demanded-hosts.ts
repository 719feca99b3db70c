/** Virtual hosts that are asked for when requests want them (VHDS). */
import type { VirtualHost } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { Vhds } from '../api/envoy/config/route/v3/route_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, refuseAll, type Subscription, type Update } from '../xds/subscription.ts';
import type { XdsContext } from '../xds/xds-context.ts';

/** Of how many hosts a control plane is asked at most: clients make names up. More are not there. */
const mostAsked = 10_000;

/** A virtual host as it came. */
export interface DemandedHost {
  message: VirtualHost;
  document: JsonObject;
}

/** By their names. */
export type HostTable = ReadonlyMap<string, DemandedHost>;

export interface DemandedHostsOptions {
  vhds: Vhds;
  /** The name of the routes that they belong to. */
  routesName: string;
  xds: XdsContext;
  /** That of the routes' statistics, without their name. */
  scope: StatsScope;
  /** Those that are there already. */
  known: HostTable;
  /** Takes them into use. @throws UpdateRefused for those that cannot be */
  use(hosts: HostTable, version: string): void;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds */
export class DemandedHosts implements Consumer {
  readonly #options: DemandedHostsOptions;
  readonly #subscription: Subscription;
  readonly #reloads: Counter;
  readonly #forgetStats: () => void;
  #hosts: HostTable;
  /** What was asked for, and what of it was answered. */
  readonly #asked = new Set<string>();
  readonly #answered = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** @throws Error for a source that cannot be */
  constructor(options: DemandedHostsOptions) {
    const { vhds, routesName, xds, scope, known } = options;
    this.#options = options;
    this.#hosts = known;
    const own = scope.scope(`vhds.${routesName}.`);
    xds.requireDelta(vhds.configSource);
    const interest = { typeName: 'envoy.config.route.v3.VirtualHost', within: routesName };
    this.#subscription = xds.subscribe(vhds.configSource, interest, own, this);
    this.#forgetStats = own.store.hold(own.prefix);
    this.#reloads = own.counter('config_reload');
    own.counter('update_empty');
  }

  get hosts(): HostTable {
    return this.#hosts;
  }

  /** Ends when there was a first answer, or none came within the time that is set for it. */
  start(): Promise<void> {
    return this.#subscription.start();
  }

  stop(): void {
    this.#subscription.stop();
    this.#forgetStats();
    for (const name of [...this.#waiting.keys()]) this.#answer(name);
  }

  /**
   * Asks for the virtual host of this authority.
   * @param onDone is told once whether there is something new, not before this returns
   * @returns what gives up waiting
   */
  demand(authority: string, onDone: (found: boolean) => void): () => void {
    const name = `${this.#options.routesName}/${authority.toLowerCase()}`;
    // As with Envoy, nobody asks for the same twice: whether it is there is told by now, or once it comes.
    if (this.#answered.has(name) || (this.#asked.size >= mostAsked && !this.#asked.has(name))) {
      const soon = setImmediate(() => onDone(false));
      return () => clearImmediate(soon);
    }
    const waiting = this.#waiting.get(name) ?? new Set();
    const done = (): void => onDone(true);
    this.#waiting.set(name, waiting.add(done));
    this.#asked.add(name);
    this.#subscription.demand?.(name);
    return () => {
      waiting.delete(done);
      if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name);
    };
  }

  accept({ version, resources, removed, refused, answered = [] }: Update): void {
    refuseAll(refused);
    const hosts = new Map(removed === undefined ? [] : this.#hosts);
    for (const name of removed ?? []) hosts.delete(name);
    for (const { message, document } of resources) {
      const host = message as VirtualHost;
      hosts.set(host.name, { message: host, document });
    }
    const isChanged = resources.length > 0 || answered.length > 0 || hosts.size !== this.#hosts.size;
    if (isChanged) {
      this.#options.use(hosts, version);
      this.#hosts = hosts;
      this.#reloads.increment();
    }
    for (const name of answered) {
      if (this.#asked.has(name)) this.#answered.add(name);
      this.#answer(name);
    }
  }

  #answer(name: string): void {
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    for (const done of waiting ?? []) done();
  }
}
