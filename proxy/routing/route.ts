/** One route as it was parsed: what it matches, and what it does. */
import { RouteAction_ClusterNotFoundResponseCode as NotFoundCode, RoutingPriority } from '../api/enums.js';
import type {
  Route as Configuration,
  RouteAction,
  VirtualHost,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import type { Cluster, Priority } from '../cluster/cluster.ts';
import { type DeadlineQueue, deadlineQueue } from '../deadlines.ts';
import { milliseconds } from '../duration.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type DirectAction, directAction } from './direct-action.ts';
import { HeaderMutations } from './header-mutations.ts';
import { matchedPart, type PathTest, pathTest } from './path-match.ts';
import { RetryPolicy } from './retry-policy.ts';
import { type Rewrite, regexRewrite, rewritePath } from './rewrite.ts';
import { type HeaderTest, headerTest, queryParameters, queryTest } from './string-match.ts';

const notFoundStatus = {
  [NotFoundCode.SERVICE_UNAVAILABLE]: 503,
  [NotFoundCode.NOT_FOUND]: 404,
  [NotFoundCode.INTERNAL_SERVER_ERROR]: 500,
};

/** What a virtual host says to all of its routes. */
export interface VirtualHostSettings {
  name: string;
  includeAttemptCount: boolean;
  includeAttemptCountInResponse: boolean;
}

/** Forwards to a cluster. `cluster` is undefined where its name is not known: NC. */
export class ClusterAction {
  readonly cluster: Cluster | undefined;
  readonly clusterName: string;
  readonly clusterNotFoundStatus: number;
  readonly timeoutMs: number;
  /** A limit of its own on idle streams; undefined: the connection manager's. */
  readonly idleQueue: DeadlineQueue | 'never' | undefined;
  readonly retryPolicy: RetryPolicy | undefined;
  readonly priority: Priority;
  /** The layers over the cluster, composed once. */
  readonly upstream: Upstream | undefined;
  readonly #prefixRewrite: string;
  readonly #regexRewrite: Rewrite | undefined;
  readonly #hostRewrite: string;
  readonly #appendForwardedHost: boolean;
  readonly #configuration: Configuration;

  constructor(route: Configuration, action: RouteAction, host: VirtualHost, context: RouteContext) {
    this.#configuration = route;
    this.clusterName = action.clusterSpecifier.case === 'cluster' ? action.clusterSpecifier.value : '';
    this.cluster = context.cluster(this.clusterName);
    this.clusterNotFoundStatus = notFoundStatus[action.clusterNotFoundResponseCode] ?? 503;
    this.timeoutMs = milliseconds(action.timeout, 15_000);
    this.idleQueue = idleQueue(action);
    const policy = action.retryPolicy ?? host.retryPolicy;
    this.retryPolicy = policy === undefined ? undefined : new RetryPolicy(policy);
    this.priority = action.priority === RoutingPriority.HIGH ? 'high' : 'default';
    this.#hostRewrite =
      action.hostRewriteSpecifier.case === 'hostRewriteLiteral' ? action.hostRewriteSpecifier.value : '';
    this.#appendForwardedHost = action.appendXForwardedHost;
    this.#prefixRewrite = action.prefixRewrite;
    this.#regexRewrite = action.regexRewrite === undefined ? undefined : regexRewrite(action.regexRewrite);
    this.upstream = this.cluster === undefined ? undefined : context.compose(this, this.cluster);
  }

  /** Whether path or host are changed on the way up. */
  get rewrites(): boolean {
    return this.#prefixRewrite !== '' || this.#regexRewrite !== undefined || this.#hostRewrite !== '';
  }

  /** Changes path and host as the route says. The path of before is kept in a header unless `suppress`. */
  rewrite(head: RequestHeaders, suppress: boolean): void {
    if (this.#hostRewrite !== '') {
      if (this.#appendForwardedHost) head.add('x-forwarded-host', head.authority);
      if (!suppress) head.set('x-envoy-original-host', head.authority);
      head.authority = this.#hostRewrite;
    }
    const before = head.path;
    if (this.#prefixRewrite !== '') {
      const matched = matchedPart(this.#configuration.match, before);
      head.path = this.#prefixRewrite + before.slice(matched.length);
    } else if (this.#regexRewrite !== undefined) head.path = rewritePath(before, this.#regexRewrite);
    else return;
    if (!suppress) head.set('x-envoy-original-path', before);
  }
}

function idleQueue({ idleTimeout }: RouteAction): DeadlineQueue | 'never' | undefined {
  if (idleTimeout === undefined) return undefined;
  const idleMs = milliseconds(idleTimeout, 0);
  return idleMs > 0 ? deadlineQueue(idleMs) : 'never';
}

/** What compiling routes needs from outside. */
export interface RouteContext {
  cluster(name: string): Cluster | undefined;
  /** The layers that a route asks for, over a cluster. */
  compose(action: ClusterAction, cluster: Cluster): Upstream;
}

export class Route {
  readonly name: string;
  readonly host: VirtualHostSettings;
  readonly cluster: ClusterAction | undefined;
  readonly direct: DirectAction | undefined;
  /** In the order in which they are applied. */
  readonly requestMutations: readonly HeaderMutations[];
  readonly responseMutations: readonly HeaderMutations[];
  readonly #path: PathTest;
  readonly #headers: readonly HeaderTest[];
  readonly #query: readonly ReturnType<typeof queryTest>[];

  constructor(configuration: Configuration, host: VirtualHost, inherited: InheritedMutations, context: RouteContext) {
    this.name = configuration.name;
    this.host = {
      name: host.name,
      includeAttemptCount: host.includeRequestAttemptCount,
      includeAttemptCountInResponse: host.includeAttemptCountInResponse,
    };
    const { action } = configuration;
    this.cluster = action.case === 'route' ? new ClusterAction(configuration, action.value, host, context) : undefined;
    this.direct = directAction(configuration);
    const own = {
      request: new HeaderMutations({
        add: configuration.requestHeadersToAdd,
        remove: configuration.requestHeadersToRemove,
      }),
      response: new HeaderMutations({
        add: configuration.responseHeadersToAdd,
        remove: configuration.responseHeadersToRemove,
      }),
    };
    this.requestMutations = [own.request, ...inherited.request].filter(mutations => !mutations.empty);
    this.responseMutations = [own.response, ...inherited.response].filter(mutations => !mutations.empty);
    this.#path = pathTest(configuration.match);
    this.#headers = configuration.match?.headers.map(headerTest) ?? [];
    this.#query = configuration.match?.queryParameters.map(queryTest) ?? [];
  }

  matches(head: RequestHeaders): boolean {
    if (!this.#path(head.path)) return false;
    for (const test of this.#headers) if (!test(head)) return false;
    if (this.#query.length === 0) return true;
    const parameters = queryParameters(head.path);
    return this.#query.every(test => test(parameters));
  }
}

/** The mutations of the virtual host and of the route configuration, in that order. */
export interface InheritedMutations {
  request: readonly HeaderMutations[];
  response: readonly HeaderMutations[];
}
