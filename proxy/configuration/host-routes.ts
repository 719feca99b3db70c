/** The routes of a virtual host, as its list or as what its matcher leads to. */
import { isObject } from './json.ts';
import { checkMatcher, matcherPlaces } from './matcher-rules.ts';
import { at, list, type Part, type Refuse } from './parts.ts';

/** All of them, wherever they stand. */
export function routesOf(host: Part): Part[] {
  const matcher = at(host, 'matcher');
  return matcher === undefined ? list(host, 'routes') : routesWithin(matcher);
}

/** As Envoy, and with its words. */
export function checkRouteChoice(host: Part, refuse: Refuse): void {
  const matcher = at(host, 'matcher');
  if (matcher === undefined) return;
  if (list(host, 'routes').length > 0) throw refuse('cannot set both matcher and routes on virtual host', matcher.path);
  checkMatcher(matcher, matcherPlaces.routes, refuse);
}

function routesWithin(part: Part): Part[] {
  const type = String(part.value['@type'] ?? '');
  if (type.endsWith('/envoy.config.route.v3.Route')) return [part];
  if (type.endsWith('/envoy.config.route.v3.RouteList')) return list(part, 'routes');
  return Object.entries(part.value).flatMap(([key, inner]) => {
    if (Array.isArray(inner)) return list(part, key).flatMap(routesWithin);
    return isObject(inner) ? routesWithin({ value: inner, path: [...part.path, key] }) : [];
  });
}
