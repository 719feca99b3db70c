/** Where a connection manager's routes come from: its own configuration, or updates while it runs. */
import type { DynamicResource } from '../admin-source.ts';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { RouteConfiguration } from '../api/envoy/config/route/v3/route_pb.js';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import type { RouteContext, RouteSourceContext } from './route-context.ts';
import type { RouteEntry } from './route-entry.ts';
import { RouteTable } from './route-table.ts';

export interface RouteSource {
  /** See `RouteTable.find`. */
  find(head: RequestHeaders, random: number): RouteEntry | undefined;
  /** Ends when requests may come. */
  start(): Promise<void>;
  stop(): void;
  /** As it came; undefined for routes of the connection manager's own configuration, and where none came yet. */
  readonly dynamic: DynamicResource | undefined;
}

/** @param scope of the connection manager's statistics */
export function routeSource(
  specifier: HttpConnectionManager['routeSpecifier'],
  context: RouteSourceContext,
  scope: StatsScope,
): RouteSource {
  if (specifier.case === 'routeConfig') return fixedRoutes(specifier.value, context);
  if (specifier.case !== 'rds') throw new Error('a connection manager takes route_config or rds');
  return new DiscoveredRoutes(specifier.value, context, requireXds(context.xds), scope);
}

/** Routes that stay as they are. */
function fixedRoutes(configuration: RouteConfiguration, context: RouteContext): RouteSource {
  const table = new RouteTable(configuration, context);
  return {
    find: (head, random) => table.find(head, random),
    start: async () => {},
    stop: () => {},
    dynamic: undefined,
  };
}

/**
 * Routes by RDS. Until there are any, no request finds one; an update is for the requests that come after it.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds
 */
export class DiscoveredRoutes implements RouteSource, Consumer {
  dynamic: DynamicResource | undefined;
  readonly #name: string;
  readonly #context: RouteContext;
  readonly #subscription: Subscription;
  readonly #stats: { reloads: Counter; reloadedAt: Gauge; empty: Counter };
  #table: RouteTable | undefined;
  #text = '';

  /** @param scope of the connection manager's statistics */
  constructor(
    rds: { routeConfigName: string; configSource?: ConfigSource | undefined },
    context: RouteContext,
    xds: XdsContext,
    scope: StatsScope,
  ) {
    this.#name = rds.routeConfigName;
    this.#context = context;
    const own = scope.scope(`rds.${this.#name}.`);
    this.#stats = {
      reloads: own.counter('config_reload'),
      reloadedAt: own.gauge('config_reload_time_ms'),
      empty: own.counter('update_empty'),
    };
    const interest = { typeName: 'envoy.config.route.v3.RouteConfiguration', names: [this.#name] };
    this.#subscription = xds.subscribe(rds.configSource, interest, own, this);
  }

  find(head: RequestHeaders, random: number): RouteEntry | undefined {
    return this.#table?.find(head, random);
  }

  start(): Promise<void> {
    return this.#subscription.start();
  }

  stop(): void {
    this.#subscription.stop();
  }

  accept({ version, resources, refused }: Update): void {
    refuseAll(refused);
    const [resource] = resources;
    if (resource === undefined) {
      this.#stats.empty.increment();
      return;
    }
    if (resources.length > 1) throw new UpdateRefused(`Unexpected RDS resource length: ${resources.length}`);
    if (resource.name !== this.#name)
      throw new UpdateRefused(`Unexpected RDS configuration (expecting ${this.#name}): ${resource.name}`);
    const text = JSON.stringify(resource.document);
    if (text === this.#text) return;
    this.#table = this.#compile(resource.message as RouteConfiguration);
    this.#text = text;
    this.dynamic = { version, document: resource.document, lastUpdated: new Date() };
    this.#stats.reloads.increment();
    this.#stats.reloadedAt.set(Date.now());
  }

  #compile(configuration: RouteConfiguration): RouteTable {
    try {
      return new RouteTable(configuration, this.#context);
    } catch (error) {
      throw new UpdateRefused((error as Error).message);
    }
  }
}
