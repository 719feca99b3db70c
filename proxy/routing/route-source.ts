/** Where a connection manager's routes come from. */
import type { DynamicResource, ScopesStatus } from '../admin-source.ts';
import type { RouteConfiguration } from '../api/envoy/config/route/v3/route_pb.js';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { RouteContext } from './route-context.ts';
import type { RouteEntry } from './route-entry.ts';
import { type RouteLocation, RouteTable } from './route-table.ts';

/** What came while the proxy runs. */
export interface CameRoutes {
  /** Route configurations, as they came. */
  readonly resources: readonly DynamicResource[];
  /** Undefined where there are none. */
  readonly scopes: ScopesStatus | undefined;
}

/** Where a route configuration is written: in the connection manager's own, at a path, or by itself, as it came. */
export type WrittenRoutes = readonly (string | number)[] | DynamicResource;

export interface RouteSource extends CameRoutes {
  /** See `RouteTable.find`. */
  find(head: RequestHeaders, random: number, metadata?: DynamicMetadata): RouteEntry | undefined;
  /** See `RouteTable.locate`. */
  locate(head: RequestHeaders, random: number, metadata?: DynamicMetadata): RouteLocation;
  /** Where the routes are that a request is looked for in; undefined where there are none. */
  written(head: RequestHeaders): WrittenRoutes | undefined;
  /**
   * Asks for routes that are not there, and may come if they are asked for.
   * @param onDone is told once, not before this returns, whether there are any now
   * @returns what gives up waiting; undefined: there is nothing to ask for
   */
  demand(head: RequestHeaders, onDone: (found: boolean) => void): (() => void) | undefined;
  /** Ends when requests may come. */
  start(): Promise<void>;
  stop(): void;
}

/** Routes that stay as they are. @param path where they are written */
export function fixedRoutes(
  configuration: RouteConfiguration,
  context: RouteContext,
  path: readonly (string | number)[],
): RouteSource {
  const table = new RouteTable(configuration, context);
  return {
    find: (head, random, metadata) => table.find(head, random, metadata),
    locate: (head, random, metadata) => table.locate(head, random, metadata),
    written: () => path,
    demand: () => undefined,
    start: async () => {},
    stop: () => {},
    resources: [],
    scopes: undefined,
  };
}
