/** What happens to a request that met a route. */

import type { Any } from '@bufbuild/protobuf/wkt';
import type { HeaderValueOption } from '../api/envoy/config/core/v3/base_pb.js';
import type { CorsPolicy, VirtualHost } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import type { ResponseHeaders } from '../http/headers.ts';
import { asBytes } from '../net/latin1.ts';
import { statedMetadata } from '../stated-metadata.ts';
import type { StreamInfo, VirtualHostFacts } from '../stream-info.ts';
import type { ClusterAction } from './cluster-action.ts';
import type { DirectAction } from './direct-action.ts';
import { HeaderMutations } from './header-mutations.ts';
import { RateLimitRule } from './rate-limit-rules.ts';
import type { FilterConfig, RouteContext } from './route-context.ts';
import type { Decorator, RouteTracing } from './route-tracing.ts';

/** What a virtual host says to all of its routes. */
export interface VirtualHostSettings extends VirtualHostFacts {
  includeAttemptCount: boolean;
  includeAttemptCountInResponse: boolean;
  includeTimeoutRetry: boolean;
  rateLimits: readonly RateLimitRule[];
  /** By the field that is deprecated. */
  cors?: CorsPolicy | undefined;
}

export function virtualHostSettings(host: VirtualHost): VirtualHostSettings {
  return {
    name: asBytes(host.name),
    metadata: statedMetadata(host.metadata),
    includeAttemptCount: host.includeRequestAttemptCount,
    includeAttemptCountInResponse: host.includeAttemptCountInResponse,
    includeTimeoutRetry: host.includeIsTimeoutRetryHeader,
    rateLimits: host.rateLimits.map(rule => new RateLimitRule(rule)),
    cors: host.cors,
  };
}

/** What one level (route configuration, virtual host, route, weighted cluster) of the configuration says to requests. */
export interface Level {
  request: HeaderMutations;
  response: HeaderMutations;
  /** By the filter's name. */
  filters: ReadonlyMap<string, FilterConfig>;
}

interface LevelConfiguration {
  requestHeadersToAdd: readonly HeaderValueOption[];
  requestHeadersToRemove: readonly string[];
  responseHeadersToAdd: readonly HeaderValueOption[];
  responseHeadersToRemove: readonly string[];
  typedPerFilterConfig: Readonly<Record<string, Any>>;
}

export function levelOf(source: LevelConfiguration, context: RouteContext): Level {
  const filters = new Map<string, FilterConfig>();
  for (const [name, any] of Object.entries(source.typedPerFilterConfig)) {
    const config = context.compileFilterConfig(any);
    if (config !== undefined) filters.set(name, config);
  }
  return {
    request: new HeaderMutations({ add: source.requestHeadersToAdd, remove: source.requestHeadersToRemove }),
    response: new HeaderMutations({ add: source.responseHeadersToAdd, remove: source.responseHeadersToRemove }),
    filters,
  };
}

/** What a route does: one of both, or neither. */
export interface EntryAction {
  cluster?: ClusterAction | undefined;
  direct?: DirectAction | undefined;
  rateLimits?: readonly RateLimitRule[];
  /** The virtual host's rules count besides the route's own. */
  includesHostRateLimits?: boolean;
  /** By the field that is deprecated. */
  cors?: CorsPolicy | undefined;
  /** What the route says about itself. */
  metadata?: DynamicMetadata | undefined;
  tracing?: RouteTracing | undefined;
  decorator?: Decorator | undefined;
  /** See `TableContext`. */
  mostSpecificWins?: boolean;
  /** Which of the route's weighted clusters it is for. */
  share?: number | undefined;
}

/** As in Envoy, what weighted clusters say comes first all the same. */
function specificLast(levels: readonly Level[], hasShare: boolean): readonly Level[] {
  const share = hasShare ? levels.slice(0, 1) : [];
  return [...share, ...levels.slice(share.length).toReversed()];
}

const nothingSaid: readonly FilterConfig[] = [];

/** A request forwards to a cluster, is answered directly, or neither: then it is as if no route had been found. */
export class RouteEntry {
  readonly name: string;
  readonly host: VirtualHostSettings;
  readonly cluster: ClusterAction | undefined;
  readonly direct: DirectAction | undefined;
  /** In the order in which they are applied. */
  readonly requestMutations: readonly HeaderMutations[];
  readonly #responseMutations: readonly HeaderMutations[];
  readonly rateLimits: readonly RateLimitRule[];
  readonly includesHostRateLimits: boolean;
  /** By fields that are deprecated, the most specific first. */
  readonly corsPolicies: readonly CorsPolicy[];
  readonly metadata: DynamicMetadata | undefined;
  readonly tracing: RouteTracing | undefined;
  readonly decorator: Decorator | undefined;
  readonly share: number | undefined;
  readonly #filters: readonly ReadonlyMap<string, FilterConfig>[];

  /** @param levels the most specific first */
  constructor(name: string, host: VirtualHostSettings, action: EntryAction, levels: readonly Level[]) {
    this.name = name;
    this.host = host;
    this.cluster = action.cluster;
    this.direct = action.direct;
    this.rateLimits = action.rateLimits ?? [];
    this.includesHostRateLimits = action.includesHostRateLimits ?? false;
    this.corsPolicies = [action.cors, host.cors].filter(policy => policy !== undefined);
    this.metadata = action.metadata;
    this.tracing = action.tracing;
    this.decorator = action.decorator;
    this.share = action.share;
    const inOrder = action.mostSpecificWins ? specificLast(levels, action.share !== undefined) : levels;
    this.requestMutations = inOrder.map(level => level.request).filter(mutations => !mutations.empty);
    this.#responseMutations = inOrder.map(level => level.response).filter(mutations => !mutations.empty);
    this.#filters = levels.map(level => level.filters).filter(filters => filters.size > 0);
  }

  /** Adds to a response what all are given, a host's and ours. */
  adorn(head: ResponseHeaders, info: StreamInfo): void {
    for (const mutations of this.#responseMutations) mutations.apply(head, info);
  }

  /** The most specific of what is said to a filter; undefined: nothing. */
  filterConfig(name: string): FilterConfig | undefined {
    const all = this.#filters;
    for (let i = 0; i < all.length; i++) {
      const found = all[i]!.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** All that is said to a filter, the most specific first. */
  filterConfigs(name: string): readonly FilterConfig[] {
    if (this.#filters.length === 0) return nothingSaid;
    return this.#filters.map(filters => filters.get(name)).filter(config => config !== undefined);
  }
}
