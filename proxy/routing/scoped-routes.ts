/** Routes of which each request has those of its scope: the scopes stand in the connection manager's configuration, or come while the proxy runs. */
import type { DynamicResource, ScopesStatus } from '../admin-source.ts';
import type { ScopedRouteConfiguration } from '../api/envoy/config/route/v3/scoped_route_pb.js';
import type {
  Rds,
  ScopedRoutes,
} from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { LoadedResource } from '../configuration/resources.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import { discoveredRoutes, type SharedRoutes } from './discovered-routes.ts';
import type { RouteSourceContext } from './route-context.ts';
import { fixedRoutes, type RouteSource } from './route-source.ts';
import { nowhere } from './route-table.ts';
import { scopeKeyBuilder, scopeKeyOf } from './scope-key.ts';

const rdsType = 'envoy.extensions.filters.network.http_connection_manager.v3.Rds';

/** What the scopes of several connection managers may be: each has its own way to tell which is a request's. */
interface Scopes {
  /** @returns undefined where there is no such scope, or it has no routes yet */
  at(key: string): RouteSource | undefined;
  /** See `RouteSource.demand`. */
  demand(key: string, head: RequestHeaders, onDone: (found: boolean) => void): (() => void) | undefined;
  start(): Promise<void>;
  stop(): void;
  readonly resources: readonly DynamicResource[];
  readonly scopes: ScopesStatus | undefined;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#route-scope */
export function scopedRoutes(configuration: ScopedRoutes, context: RouteSourceContext, scope: StatsScope): RouteSource {
  const { scopeKeyBuilder: builder, configSpecifier } = configuration;
  if (builder === undefined) throw new Error('scoped_routes: scope_key_builder is required');
  const keyOf = scopeKeyBuilder(builder);
  const scopes =
    configSpecifier.case === 'scopedRouteConfigurationsList'
      ? fixedScopes(configSpecifier.value.scopedRouteConfigurations, context)
      : sharedScopes(configuration, context, scope);
  const at = (head: RequestHeaders): RouteSource | undefined => {
    const key = keyOf(head);
    return key === undefined ? undefined : scopes.at(key);
  };
  return {
    find: (head, random, metadata) => at(head)?.find(head, random, metadata),
    locate: (head, random, metadata) => at(head)?.locate(head, random, metadata) ?? nowhere,
    written: head => at(head)?.written(head),
    demand: (head, onDone) => {
      const key = keyOf(head);
      return key === undefined ? undefined : scopes.demand(key, head, onDone);
    },
    start: () => scopes.start(),
    stop: () => scopes.stop(),
    get resources() {
      return scopes.resources;
    },
    get scopes() {
      return scopes.scopes;
    },
  };
}

/** Scopes with their routes, that stay as they are. */
function fixedScopes(list: readonly ScopedRouteConfiguration[], context: RouteSourceContext): Scopes {
  const path = ['scoped_routes', 'scoped_route_configurations_list', 'scoped_route_configurations'];
  const byKey = new Map<string, RouteSource>();
  for (const [index, one] of list.entries())
    if (one.routeConfiguration !== undefined)
      byKey.set(keyOf(one), fixedRoutes(one.routeConfiguration, context, [...path, index, 'route_configuration']));
  return {
    at: key => byKey.get(key),
    demand: () => undefined,
    start: async () => {},
    stop: () => {},
    resources: [],
    scopes: undefined,
  };
}

/** Whoever asks for the same scopes shares them: a listener that changes finds them there. */
function sharedScopes(configuration: ScopedRoutes, context: RouteSourceContext, scope: StatsScope): Scopes {
  const xds = requireXds(context.xds);
  const { name, rdsConfigSource, configSpecifier } = configuration;
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
  const key = JSON.stringify(['scopes', name, rdsConfigSource, configSpecifier.value], plain);
  const { shared, release } = xds.share(key, () => new DiscoveredScopes(configuration, context, xds, scope));
  return {
    at: wanted => shared.at(wanted),
    demand: (wanted, head, onDone) => shared.demand(wanted, head, onDone),
    start: () => shared.start(),
    stop: release,
    get resources() {
      return shared.resources;
    },
    get scopes() {
      return shared.scopes;
    },
  };
}

const keyOf = ({ key }: ScopedRouteConfiguration): string =>
  scopeKeyOf(key?.fragments.map(({ type }) => (type.case === 'stringKey' ? type.value : '')) ?? []);

/** A scope that came, and its routes by RDS. */
interface Scope {
  key: string;
  routesName: string;
  /** Its document as text, by which an update that changes nothing is known. */
  text: string;
  document: DynamicResource['document'];
  /** Its routes are asked for once a request wants them. */
  onDemand: boolean;
  /** Undefined: nobody has wanted them yet. */
  routes: SharedRoutes | undefined;
  /** Who waits for the routes. */
  waiting: Set<(found: boolean) => void>;
}

/** Scopes by SRDS. */
class DiscoveredScopes implements Scopes, Consumer {
  scopes: ScopesStatus | undefined;
  readonly #configuration: ScopedRoutes;
  readonly #context: RouteSourceContext;
  readonly #xds: XdsContext;
  /** Of the connection manager's statistics. */
  readonly #scope: StatsScope;
  readonly #subscription: Subscription;
  readonly #stats: { reloads: Counter; reloadedAt: Gauge; all: Gauge; active: Gauge; onDemand: Gauge };
  readonly #forgetStats: () => void;
  #byName = new Map<string, Scope>();
  #byKey = new Map<string, Scope>();
  #started: Promise<void> | undefined;

  constructor(configuration: ScopedRoutes, context: RouteSourceContext, xds: XdsContext, scope: StatsScope) {
    const { name, configSpecifier } = configuration;
    if (configSpecifier.case !== 'scopedRds') throw new Error('scoped_routes: there is neither a list nor scoped_rds');
    this.#configuration = configuration;
    this.#context = context;
    this.#xds = xds;
    this.#scope = scope;
    const own = scope.scope(`scoped_rds.${name}.`);
    this.#forgetStats = own.store.hold(own.prefix);
    own.counter('update_empty');
    this.#stats = {
      reloads: own.counter('config_reload'),
      reloadedAt: own.gauge('config_reload_time_ms'),
      all: own.gauge('all_scopes'),
      active: own.gauge('active_scopes'),
      onDemand: own.gauge('on_demand_scopes'),
    };
    const interest = { typeName: 'envoy.config.route.v3.ScopedRouteConfiguration' };
    this.#subscription = xds.subscribe(configSpecifier.value.scopedRdsConfigSource, interest, own, this);
  }

  get resources(): readonly DynamicResource[] {
    return [...this.#byName.values()].flatMap(({ routes }) => routes?.resources ?? []);
  }

  at(key: string): RouteSource | undefined {
    return this.#byKey.get(key)?.routes;
  }

  demand(key: string, head: RequestHeaders, onDone: (found: boolean) => void): (() => void) | undefined {
    const scope = this.#byKey.get(key);
    if (scope === undefined) return undefined;
    const done = (found: boolean): void => {
      if (scope.waiting.delete(done)) onDone(found);
    };
    scope.waiting.add(done);
    scope.routes ??= this.#routesOf(scope);
    void scope.routes.start();
    void scope.routes.came.then(() => done(true));
    this.#measure();
    return () => scope.waiting.delete(done);
  }

  /** Ends when the scopes of the first update have their routes. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    await this.#subscription.start();
    await Promise.all([...this.#byName.values()].map(({ routes }) => routes?.start()));
  }

  stop(): void {
    this.#subscription.stop();
    for (const scope of this.#byName.values()) release(scope);
    this.#forgetStats();
  }

  accept({ version, resources, removed, refused }: Update): void {
    refuseAll(refused);
    const byName = this.#changed(resources, removed);
    const byKey = keysOf(byName, new Set(resources.map(({ name }) => name)));
    // All routes that are new are asked for at once.
    const resume = this.#xds.pause(['envoy.config.route.v3.RouteConfiguration']);
    try {
      this.#use(byName, byKey);
    } finally {
      resume();
    }
    const isSame = this.scopes !== undefined && sameScopes(this.scopes.documents, byName);
    const documents = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { document }]) => document);
    const shown = isSame ? this.scopes!.version : version;
    this.scopes = { name: this.#configuration.name, version: shown, documents, lastUpdated: new Date() };
    this.#stats.reloads.increment();
    this.#stats.reloadedAt.set(Date.now());
  }

  /** The scopes as they are to be: those that stay as they were are the same. @throws UpdateRefused */
  #changed(resources: readonly LoadedResource[], removed: readonly string[] | undefined): Map<string, Scope> {
    const byName = new Map(removed === undefined ? [] : this.#byName);
    for (const name of removed ?? []) byName.delete(name);
    const seen = new Set<string>();
    for (const { name, message, document } of resources) {
      if (seen.has(name)) throw refusal(`duplicate scoped route configuration '${name}' found`);
      seen.add(name);
      const configuration = message as ScopedRouteConfiguration;
      const before = this.#byName.get(name);
      const text = JSON.stringify(document);
      const fresh = {
        key: keyOf(configuration),
        routesName: configuration.routeConfigurationName,
        // Whose request it is that wants them, another worker cannot tell the first one: where there are several, all are asked for at once.
        onDemand: configuration.onDemand && this.#context.shared === undefined,
        routes: undefined,
        waiting: new Set<(found: boolean) => void>(),
      };
      byName.set(name, before?.text === text ? before : { ...fresh, text, document });
    }
    for (const { routesName } of byName.values())
      if (routesName === '') throw new UpdateRefused('route_configuration_name is empty.');
    return byName;
  }

  #use(byName: Map<string, Scope>, byKey: Map<string, Scope>): void {
    const before = [...this.#byName.values()];
    for (const scope of byName.values()) {
      if (scope.onDemand || scope.routes !== undefined) continue;
      scope.routes = this.#routesOf(scope);
      void scope.routes.start();
    }
    this.#byName = byName;
    this.#byKey = byKey;
    // Last of all, since others may go on with the same routes.
    const kept = new Set(byName.values());
    for (const scope of before) if (!kept.has(scope)) release(scope);
    this.#measure();
  }

  #routesOf({ routesName }: Scope): SharedRoutes {
    const { rdsConfigSource: configSource } = this.#configuration;
    const rds: Rds = { $typeName: rdsType, routeConfigName: routesName, ...(configSource && { configSource }) };
    try {
      return discoveredRoutes(rds, this.#context, this.#scope);
    } catch (error) {
      throw refusal((error as Error).message);
    }
  }

  #measure(): void {
    const all = [...this.#byName.values()];
    this.#stats.all.set(all.length);
    this.#stats.active.set(all.filter(({ routes }) => routes !== undefined).length);
    this.#stats.onDemand.set(all.filter(({ onDemand }) => onDemand).length);
  }
}

/** By their keys. @param fresh the names of those that came now @throws UpdateRefused where two have the same */
function keysOf(byName: ReadonlyMap<string, Scope>, fresh: ReadonlySet<string>): Map<string, Scope> {
  const byKey = new Map<string, Scope>();
  const names = new Map<string, string>();
  const ordered = [...byName].sort(([a], [b]) => Number(fresh.has(a)) - Number(fresh.has(b)));
  for (const [name, scope] of ordered) {
    const first = names.get(scope.key);
    if (first !== undefined)
      throw refusal(`scope key conflict found, first scope is '${first}', second scope is '${name}'`);
    names.set(scope.key, name);
    byKey.set(scope.key, scope);
  }
  return byKey;
}

function sameScopes(before: readonly DynamicResource['document'][], byName: ReadonlyMap<string, Scope>): boolean {
  const now = new Set([...byName.values()].map(({ document }) => document));
  return now.size === before.length && before.every(document => now.has(document));
}

/** Its routes are wanted no longer: who waits for them goes on without. */
function release({ routes, waiting }: Scope): void {
  routes?.stop();
  for (const done of [...waiting]) done(false);
}

const refusal = (reason: string): UpdateRefused =>
  new UpdateRefused(`Error adding/updating scoped route(s): ${reason}`);
