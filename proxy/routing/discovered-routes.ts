/** Routes that come while the proxy runs. */
import type { DynamicResource } from '../admin-source.ts';
import type { RouteConfiguration, Vhds } from '../api/envoy/config/route/v3/route_pb.js';
import type { Rds } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { isObject, type JsonObject } from '../configuration/json.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import { xxHash64 } from '../hash/xx-hash.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import { DemandedHosts, type HostTable } from './demanded-hosts.ts';
import type { RouteSourceContext } from './route-context.ts';
import type { RouteEntry } from './route-entry.ts';
import type { RouteSource, WrittenRoutes } from './route-source.ts';
import { nowhere, type RouteLocation, RouteTable } from './route-table.ts';

export interface SharedRoutes extends RouteSource {
  /** Ends when there are routes, which may be never. */
  readonly came: Promise<void>;
}

/** Whoever asks for the same routes shares them: a listener that changes finds them there. */
export function discoveredRoutes(rds: Rds, context: RouteSourceContext, scope: StatsScope): SharedRoutes {
  const xds = requireXds(context.xds);
  const key = JSON.stringify(rds, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  const { shared, release } = xds.share(key, () => new DiscoveredRoutes(rds, context, xds, scope));
  return {
    find: (head, random, metadata) => shared.find(head, random, metadata),
    locate: (head, random, metadata) => shared.locate(head, random, metadata),
    written: () => shared.written(),
    demand: (head, onDone) => shared.demand(head, onDone),
    start: () => shared.start(),
    stop: release,
    get resources() {
      return shared.resources;
    },
    scopes: undefined,
    get came() {
      return shared.came;
    },
  };
}

/**
 * Routes by RDS. Until there are any, no request finds one; an update is for the requests that come after it.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds
 */
export class DiscoveredRoutes implements SharedRoutes, Consumer {
  resources: readonly DynamicResource[] = [];
  readonly scopes = undefined;
  readonly #name: string;
  readonly #context: RouteSourceContext;
  readonly #xds: XdsContext;
  /** Of all routes' statistics. */
  readonly #scope: StatsScope;
  readonly #subscription: Subscription;
  readonly #stats: { reloads: Counter; reloadedAt: Gauge; empty: Counter };
  readonly #forgetStats: () => void;
  readonly #came = Promise.withResolvers<void>();
  #started: Promise<void> | undefined;
  #table: RouteTable | undefined;
  #own: OwnRoutes | undefined;
  /** Undefined where no virtual host is asked for. */
  #hosts: DemandedHosts | undefined;
  #hostsStarted: Promise<void> | undefined;
  /** Where they come from, as text. */
  #hostsSource: string | undefined;
  #text = '';

  /** @param scope of the connection manager's statistics */
  constructor(rds: Rds, context: RouteSourceContext, xds: XdsContext, scope: StatsScope) {
    this.#name = rds.routeConfigName;
    this.#context = context;
    this.#xds = xds;
    this.#scope = scope.scope('rds.');
    const own = this.#scope.scope(`${this.#name}.`);
    this.#forgetStats = own.store.hold(own.prefix);
    this.#stats = {
      reloads: own.counter('config_reload'),
      reloadedAt: own.gauge('config_reload_time_ms'),
      empty: own.counter('update_empty'),
    };
    const typeName = 'envoy.config.route.v3.RouteConfiguration';
    const interest = { typeName, names: [this.#name], waitsThroughRemoval: true };
    this.#subscription = xds.subscribe(rds.configSource, interest, own, this);
  }

  find(head: RequestHeaders, random: number, metadata?: DynamicMetadata): RouteEntry | undefined {
    return this.#table?.find(head, random, metadata);
  }

  locate(head: RequestHeaders, random: number, metadata?: DynamicMetadata): RouteLocation {
    return this.#table?.locate(head, random, metadata) ?? nowhere;
  }

  written(): WrittenRoutes | undefined {
    return this.resources[0];
  }

  demand(head: RequestHeaders, onDone: (found: boolean) => void): (() => void) | undefined {
    return this.#hosts?.demand(head.authority, onDone);
  }

  get came(): Promise<void> {
    return this.#came.promise;
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** Virtual hosts that come beside the first routes are waited for, those of later ones are not: as with Envoy. */
  async #start(): Promise<void> {
    await this.#subscription.start();
    await this.#hostsStarted;
  }

  stop(): void {
    this.#subscription.stop();
    this.#hosts?.stop();
    this.#forgetStats();
  }

  accept({ version, resources, removed, refused }: Update): void {
    refuseAll(refused);
    const [resource] = resources;
    if (resource === undefined) {
      // That they are gone leaves those that were, and is not counted: as with Envoy.
      if (removed === undefined) this.#stats.empty.increment();
      return;
    }
    if (resources.length > 1) throw new UpdateRefused(`Unexpected RDS resource length: ${resources.length}`);
    if (resource.name !== this.#name)
      throw new UpdateRefused(`Unexpected RDS configuration (expecting ${this.#name}): ${resource.name}`);
    const text = JSON.stringify(resource.document);
    if (text === this.#text) return;
    this.#take(
      { message: resource.message as RouteConfiguration, document: resource.document },
      resource.version ?? version,
    );
    this.#text = text;
  }

  /** The routes, and what virtual hosts were asked for beside. @throws UpdateRefused */
  #take(routes: OwnRoutes, version: string): void {
    const { vhds } = routes.message;
    const before = this.#hosts;
    const source = JSON.stringify(routes.document.vhds);
    const isSame = before !== undefined && source === this.#hostsSource;
    const hosts = vhds === undefined || isSame ? undefined : this.#demandedHosts(vhds, before?.hosts ?? new Map());
    this.#use(routes, vhds === undefined ? new Map() : (before?.hosts ?? new Map()), version);
    if (isSame) return;
    this.#hostsSource = source;
    this.#hosts = hosts;
    before?.stop();
    this.#hostsStarted = hosts?.start();
  }

  #demandedHosts(vhds: Vhds, known: HostTable): DemandedHosts {
    try {
      return new DemandedHosts({
        vhds,
        known,
        routesName: this.#name,
        xds: this.#xds,
        scope: this.#scope,
        use: (hosts, version) => this.#use(this.#own!, hosts, version),
      });
    } catch (error) {
      throw new UpdateRefused((error as Error).message);
    }
  }

  #use(own: OwnRoutes, hosts: HostTable, version: string): void {
    const { message, document } = mergedRoutes(own, hosts);
    this.#table = this.#compile(message, JSON.stringify(document));
    this.#own = own;
    this.resources = [{ version, document, lastUpdated: new Date() }];
    this.#came.resolve();
    this.#stats.reloads.increment();
    this.#stats.reloadedAt.set(Date.now());
  }

  #compile(configuration: RouteConfiguration, text: string): RouteTable {
    const make = (): RouteTable => new RouteTable(configuration, this.#context);
    const { shared } = this.#context;
    try {
      return shared?.within(`routes ${this.#name} ${xxHash64(Buffer.from(text))}`, make) ?? make();
    } catch (error) {
      throw new UpdateRefused((error as Error).message);
    }
  }
}

/** Routes as they came by themselves. */
interface OwnRoutes {
  message: RouteConfiguration;
  document: JsonObject;
}

/** Routes with the virtual hosts that were asked for, in Envoy's order. @throws UpdateRefused where a domain is twice among them */
function mergedRoutes({ message, document }: OwnRoutes, hosts: HostTable): OwnRoutes {
  if (message.vhds === undefined) return { message, document };
  const byName = <Named extends { name?: unknown }>(list: readonly Named[]): Named[] =>
    list.toSorted((one, other) => (String(one.name) < String(other.name) ? -1 : 1));
  const added = [...hosts.values()];
  const own = Array.isArray(document.virtual_hosts) ? document.virtual_hosts.filter(isObject) : [];
  const merged = {
    message: {
      ...message,
      virtualHosts: [...byName(message.virtualHosts), ...byName(added.map(host => host.message))],
    },
    document: { ...document, virtual_hosts: [...byName(own), ...byName(added.map(host => host.document))] },
  };
  const seen = new Set<string>();
  for (const domain of merged.message.virtualHosts.flatMap(({ domains }) => domains.map(one => one.toLowerCase()))) {
    if (seen.has(domain)) throw new UpdateRefused(domainTwice(domain, message.name));
    seen.add(domain);
  }
  return merged;
}

function domainTwice(domain: string, name: string): string {
  if (domain === '*') return `Only a single wildcard domain is permitted in route ${name}`;
  return `Only unique values for domains are permitted. Duplicate entry of domain ${domain} in route ${name}`;
}
