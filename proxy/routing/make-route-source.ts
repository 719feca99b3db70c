/** How a connection manager's configuration becomes the source of its routes. */
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { StatsScope } from '../stats/store.ts';
import { discoveredRoutes } from './discovered-routes.ts';
import type { RouteSourceContext } from './route-context.ts';
import { fixedRoutes, type RouteSource } from './route-source.ts';
import { scopedRoutes } from './scoped-routes.ts';

/** @param scope of the connection manager's statistics */
export function routeSource(
  specifier: HttpConnectionManager['routeSpecifier'],
  context: RouteSourceContext,
  scope: StatsScope,
): RouteSource {
  switch (specifier.case) {
    case 'routeConfig':
      return fixedRoutes(specifier.value, context, ['route_config']);
    case 'rds':
      return discoveredRoutes(specifier.value, context, scope);
    case 'scopedRoutes':
      return scopedRoutes(specifier.value, context, scope);
    default:
      throw new Error('a connection manager takes route_config, rds or scoped_routes');
  }
}
