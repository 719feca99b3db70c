/** One route as it was parsed: what it matches, and what it does. */

import type {
  Route as Configuration,
  RouteAction,
  VirtualHost,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import { isGrpc } from '../http/grpc.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { RuntimeFraction } from '../runtime/fractional-percent.ts';
import { statedMetadata } from '../stated-metadata.ts';
import { ClusterAction } from './cluster-action.ts';
import { directAction } from './direct-action.ts';
import { type EntryChoice, entriesByHeader, type MakeEntry } from './entry-choice.ts';
import { type MetadataTest, metadataTest } from './metadata-match.ts';
import { type PathTest, pathTest, withoutParameters } from './path-match.ts';
import { RateLimitRule } from './rate-limit-rules.ts';
import type { TableContext } from './route-context.ts';
import { type Level, levelOf, RouteEntry, virtualHostSettings } from './route-entry.ts';
import { decoratorOf, routeTracing } from './route-tracing.ts';
import { type HeaderTest, headerTest, queryParameters, queryTest } from './string-match.ts';
import { weightedEntries } from './weighted-clusters.ts';

export class Route {
  /** It is for CONNECT, which has no path; no other route is. */
  readonly #forConnect: boolean;
  readonly #path: PathTest;
  readonly #grpcOnly: boolean;
  readonly #headers: readonly HeaderTest[];
  readonly #query: readonly ReturnType<typeof queryTest>[];
  readonly #metadata: readonly MetadataTest[];
  readonly #fraction: RuntimeFraction | undefined;
  readonly #choose: EntryChoice;

  /** @param outer the levels around the route, the most specific first */
  constructor(configuration: Configuration, host: VirtualHost, outer: readonly Level[], context: TableContext) {
    const { match } = configuration;
    this.#forConnect = match?.pathSpecifier.case === 'connectMatcher';
    this.#path = context.ignoresPathParameters ? withoutParameters(pathTest(match)) : pathTest(match);
    this.#grpcOnly = match?.grpc !== undefined;
    this.#headers = match?.headers.map(headerTest) ?? [];
    this.#query = match?.queryParameters.map(queryTest) ?? [];
    this.#metadata = match?.dynamicMetadata.map(metadataTest) ?? [];
    this.#fraction = RuntimeFraction.of(match?.runtimeFraction, context.runtime);
    this.#choose = entryChoice(configuration, host, [levelOf(configuration, context), ...outer], context);
  }

  /** @param random a whole number, the same for all decisions about one request */
  matches(head: RequestHeaders, random: number, metadata: DynamicMetadata | undefined): boolean {
    if ((head.method === 'CONNECT') !== this.#forConnect || !this.#path(head.path)) return false;
    if (this.#grpcOnly && !isGrpc(head)) return false;
    for (const test of this.#headers) if (!test(head)) return false;
    for (const test of this.#metadata) if (!test(metadata)) return false;
    if (this.#fraction !== undefined && !this.#fraction.includes(random)) return false;
    if (this.#query.length === 0) return true;
    const parameters = queryParameters(head.path);
    return this.#query.every(test => test(parameters));
  }

  /** What happens to a request that matches. */
  entryFor(head: RequestHeaders, random: number): RouteEntry {
    return this.#choose(head, random);
  }
}

function entryChoice(
  route: Configuration,
  host: VirtualHost,
  levels: readonly Level[],
  context: TableContext,
): EntryChoice {
  const settings = virtualHostSettings(host);
  const { mostSpecificWins } = context;
  const direct = directAction(route, context.maxDirectBody);
  const told = {
    tracing: routeTracing(route, context.runtime),
    decorator: decoratorOf(route.decorator),
    metadata: statedMetadata(route.metadata),
    mostSpecificWins,
  };
  if (direct !== undefined || route.action.case !== 'route') {
    const entry = new RouteEntry(route.name, settings, { direct, ...told }, levels);
    return () => entry;
  }
  const action = route.action.value;
  const rateLimits = action.rateLimits.map(rule => new RateLimitRule(rule));
  const includesHostRateLimits = action.includeVhRateLimits ?? false;
  const make: MakeEntry = (clusterName, own) => {
    const cluster = new ClusterAction(
      ...([route, action, host] as const),
      { clusterName, hostRewrite: own?.hostRewrite ?? '', metadata: own?.metadata },
      context,
    );
    return new RouteEntry(
      route.name,
      settings,
      { cluster, rateLimits, includesHostRateLimits, cors: action.cors, share: own?.index, ...told },
      own === undefined ? levels : [own.level, ...levels],
    );
  };
  return choiceOf(action, make, context);
}

function choiceOf({ clusterSpecifier: specifier }: RouteAction, make: MakeEntry, context: TableContext): EntryChoice {
  switch (specifier.case) {
    case 'weightedClusters':
      return weightedEntries(specifier.value, make, context);
    case 'clusterHeader':
      return entriesByHeader(specifier.value, make);
    default: {
      const entry = make(specifier.case === 'cluster' ? specifier.value : '');
      return () => entry;
    }
  }
}
