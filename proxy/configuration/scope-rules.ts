/** What Envoy refuses of scopes of routes. */
import { at, list, type Part, type Refuse } from './parts.ts';

const extractorType = 'envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes';

/** Throws what cannot be of a connection manager's scopes. @returns the route configurations that stand in them */
export function checkScopes(manager: Part, refuse: Refuse): Part[] {
  const scoped = at(manager, 'scoped_routes');
  if (scoped === undefined) return [];
  for (const fragment of list(scoped, 'scope_key_builder', 'fragments')) checkExtractor(fragment, refuse);
  return list(scoped, 'scoped_route_configurations_list', 'scoped_route_configurations').map(scope => {
    if (scope.value.route_configuration_name !== undefined && scope.value.route_configuration_name !== '')
      throw refuse('Fetching routes via RDS (route_configuration_name) is not supported with inline scoped routes.', [
        ...scope.path,
        'route_configuration_name',
      ]);
    const routes = at(scope, 'route_configuration');
    if (routes === undefined)
      throw refuse('You must specify a route_configuration with inline scoped routes.', scope.path);
    return routes;
  });
}

function checkExtractor(fragment: Part, refuse: Refuse): void {
  const extractor = at(fragment, 'header_value_extractor');
  if (extractor === undefined) return;
  const { index, element, element_separator: separator = '' } = extractor.value;
  const reject = (reason: string): Error => refuse(`${extractorType}: ${reason}`, extractor.path);
  if (index === undefined && element === undefined) throw reject('HeaderValueExtractor extract_type not set.');
  if (Number(index ?? 0) !== 0 && separator === '') throw reject('Index > 0 for empty string element separator.');
}
