/** Why a request got its virtual host, its route and its cluster. */
import { isObject } from '../configuration/json.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { RouteLocation } from '../routing/route-table.ts';
import type { Decision } from './decision.ts';
import type { WrittenPart } from './written-part.ts';

/** The parts of the configuration that a request's route is made of; undefined where it has none, or nothing is written. */
export interface WrittenRoute {
  table: WrittenPart | undefined;
  host: WrittenPart | undefined;
  route: WrittenPart | undefined;
  /** The weighted cluster. */
  share: WrittenPart | undefined;
}

/** @param table undefined where no routes have come yet */
export function writtenRoute(table: WrittenPart | undefined, found: RouteLocation, entry?: RouteEntry): WrittenRoute {
  const host = found.host < 0 ? undefined : table?.at('virtual_hosts', found.host);
  const route = found.route < 0 ? undefined : host?.at('routes', found.route);
  const share = entry?.share === undefined ? undefined : entry.share;
  return {
    table,
    host,
    route,
    share: share === undefined ? undefined : route?.at('route', 'weighted_clusters', 'clusters', share),
  };
}

/** What decided it, from the virtual host to the cluster. */
export function routeReasons(
  written: WrittenRoute,
  found: RouteLocation,
  authority: string,
  entry?: RouteEntry,
): Decision[] {
  const { table, host, route } = written;
  if (found.host < 0) {
    const why =
      table === undefined ? 'no routes have come yet' : `no virtual host has a domain that fits "${authority}"`;
    return [{ by: 'virtual host', name: 'none', why, origin: (table?.at('virtual_hosts') ?? table)?.origin }];
  }
  const domain = host?.items('domains').find(({ value }) => String(value).toLowerCase() === found.domain);
  const chosen: Decision = {
    by: 'virtual host',
    name: host?.text('name') ?? '',
    why: `its domain "${found.domain}" is the most specific that fits "${authority}"`,
    origin: (domain ?? host)?.origin,
  };
  if (found.secured) {
    const why = 'asks for https, and the request did not come by it: it is sent there';
    return [chosen, { ...chosen, why, origin: (host?.at('require_tls') ?? host)?.origin }];
  }
  const matcher = host?.at('matcher');
  if (matcher !== undefined) {
    const why = `the virtual host's matcher leads to ${entry === undefined ? 'no route that fits' : 'it'}`;
    const led: Decision = { by: 'route', name: entry?.name || 'none', why, origin: matcher.origin };
    return [chosen, led, ...(entry === undefined ? [] : actionReasons(written, entry))];
  }
  if (route === undefined) {
    const why = `none of its ${host?.items('routes').length ?? 0} routes fits`;
    return [chosen, { by: 'route', name: 'none', why, origin: (host?.at('routes') ?? host)?.origin }];
  }
  const matched: Decision = {
    by: 'route',
    name: route.text('name') || `routes[${found.route}]`,
    why: `the first of the virtual host's routes that fits: ${matchWords(route)}`,
    origin: (route.at('match') ?? route).origin,
  };
  return [chosen, matched, ...actionReasons(written, entry)];
}

function actionReasons({ route, share }: WrittenRoute, entry: RouteEntry | undefined): Decision[] {
  if (entry?.cluster === undefined) {
    const direct = route?.at('direct_response') ?? route?.at('redirect');
    if (direct === undefined) return [];
    const why = 'the route answers the request itself';
    return [{ by: 'route', name: String(direct.origin.path.at(-1)), why, origin: direct.origin }];
  }
  const name = entry.cluster.clusterName;
  if (share !== undefined) {
    const why = `one of the route's weighted clusters, with a weight of ${share.text('weight') || 0}`;
    return [{ by: 'cluster', name, why, origin: share.origin }];
  }
  const header = route?.at('route', 'cluster_header');
  if (header !== undefined) {
    const why = `the request's header ${String(header.value)} names it`;
    return [{ by: 'cluster', name, why, origin: header.origin }];
  }
  return [{ by: 'cluster', name, why: 'the route names it', origin: route?.at('route', 'cluster')?.origin }];
}

/** What a route asks of requests, in short. */
function matchWords(route: WrittenPart): string {
  const match = route.at('match');
  if (match === undefined || !isObject(match.value)) return 'it asks for nothing';
  const words = Object.entries(match.value).flatMap(([field, value]) => {
    if (typeof value === 'string') return `${field} "${value}"`;
    if (field === 'safe_regex') return `safe_regex "${match.text('safe_regex', 'regex')}"`;
    if (Array.isArray(value))
      return `${field} ${value.map(one => (isObject(one) ? String(one.name ?? '…') : '…')).join(', ')}`;
    return field === 'case_sensitive' ? [] : field;
  });
  return words.join(' and ');
}
