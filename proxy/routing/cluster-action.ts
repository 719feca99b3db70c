/** Forwards requests to a cluster: time-outs, retries, rewriting of path and host. */
import { RouteAction_ClusterNotFoundResponseCode as NotFoundCode, RoutingPriority } from '../api/enums.js';
import type { Metadata } from '../api/envoy/config/core/v3/base_pb.js';
import type {
  Route as Configuration,
  RouteAction,
  VirtualHost,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import type { Cluster, Priority } from '../cluster/cluster.ts';
import { type DeadlineQueue, deadlineQueue } from '../deadlines.ts';
import { milliseconds } from '../duration.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { MetadataCriteria } from '../load-balancing/metadata-criteria.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { HashPolicies } from './hash-policy.ts';
import { MirrorPolicy } from './mirror-policy.ts';
import { matchedPart, withoutQuery } from './path-match.ts';
import type { Patience } from './patience.ts';
import { RetryPolicy } from './retry-policy.ts';
import { type Rewrite, regexRewrite, rewritePath } from './rewrite.ts';
import type { RouteContext } from './route-context.ts';

const notFoundStatus = {
  [NotFoundCode.SERVICE_UNAVAILABLE]: 503,
  [NotFoundCode.NOT_FOUND]: 404,
  [NotFoundCode.INTERNAL_SERVER_ERROR]: 500,
};

/** Which of a route's clusters an action is for. */
export interface Target {
  clusterName: string;
  /** The host that requests for this cluster get; '' where the cluster says nothing. What the route says of the host comes after it. */
  hostRewrite: string;
  /** What the cluster's own entry asks of the metadata of hosts; it comes before what the route says. */
  metadata?: Metadata | undefined;
}

/** A cluster with the layers over it that a route asks for. */
export interface BoundCluster {
  readonly cluster: Cluster;
  readonly upstream: Upstream;
}

/** Forwards to one cluster. */
export class ClusterAction implements Patience {
  readonly clusterName: string;
  readonly clusterNotFoundStatus: number;
  readonly timeoutMs: number;
  /** A limit of its own on idle streams; undefined: the connection manager's. */
  readonly idleQueue: DeadlineQueue | 'never' | undefined;
  readonly retryPolicy: RetryPolicy | undefined;
  readonly mirrorPolicies: readonly MirrorPolicy[];
  readonly priority: Priority;
  readonly hashPolicies: HashPolicies | undefined;
  /** What the metadata of hosts have to be. */
  readonly metadataMatch: MetadataCriteria | undefined;
  readonly #context: RouteContext;
  #bound: BoundCluster | undefined;
  readonly #prefixRewrite: string;
  readonly #regexRewrite: Rewrite | undefined;
  readonly #targetHost: string;
  readonly #hostRewrite: string;
  readonly #hostRewriteHeader: string;
  readonly #hostRewritePath: Rewrite | undefined;
  readonly #appendForwardedHost: boolean;
  readonly #configuration: Configuration;

  constructor(route: Configuration, action: RouteAction, host: VirtualHost, target: Target, context: RouteContext) {
    this.#configuration = route;
    this.#context = context;
    this.clusterName = target.clusterName;
    this.clusterNotFoundStatus = notFoundStatus[action.clusterNotFoundResponseCode] ?? 503;
    this.timeoutMs = milliseconds(action.timeout, 15_000);
    this.idleQueue = idleQueue(action);
    const policy = action.retryPolicy ?? host.retryPolicy;
    this.retryPolicy = policy === undefined ? undefined : new RetryPolicy(policy);
    const mirrors = action.requestMirrorPolicies.length > 0 ? action.requestMirrorPolicies : host.requestMirrorPolicies;
    this.mirrorPolicies = mirrors.map(mirror => new MirrorPolicy(mirror, context));
    this.metadataMatch = MetadataCriteria.of(target.metadata, MetadataCriteria.of(action.metadataMatch));
    this.hashPolicies = HashPolicies.of(action.hashPolicy);
    this.priority = action.priority === RoutingPriority.HIGH ? 'high' : 'default';
    const rewrite = action.hostRewriteSpecifier;
    this.#targetHost = target.hostRewrite;
    this.#hostRewrite = rewrite.case === 'hostRewriteLiteral' ? rewrite.value : '';
    this.#hostRewriteHeader = rewrite.case === 'hostRewriteHeader' ? rewrite.value.toLowerCase() : '';
    this.#hostRewritePath = rewrite.case === 'hostRewritePathRegex' ? regexRewrite(rewrite.value) : undefined;
    this.#appendForwardedHost = action.appendXForwardedHost;
    this.#prefixRewrite = action.prefixRewrite;
    this.#regexRewrite = action.regexRewrite === undefined ? undefined : regexRewrite(action.regexRewrite);
    this.rewrites = this.#prefixRewrite !== '' || this.#regexRewrite !== undefined || rewrite.case !== undefined;
    this.rewrites ||= this.#targetHost !== '';
  }

  /** The cluster as it is now: it may come, change and go while the route stays. Undefined where its name is not known: NC. */
  bind(): BoundCluster | undefined {
    const cluster = this.#context.cluster(this.clusterName);
    if (cluster !== this.#bound?.cluster)
      this.#bound = cluster === undefined ? undefined : { cluster, upstream: this.#context.compose(this, cluster) };
    return this.#bound;
  }

  /** The same for one request that has a patience of its own. */
  bindFor(patience: Patience, { cluster }: BoundCluster): BoundCluster {
    return { cluster, upstream: this.#context.compose(patience, cluster) };
  }

  /** Whether path or host are changed on the way up. */
  readonly rewrites: boolean;

  /** Changes path and host as the route says. What they were before is kept in headers unless `suppress`. */
  rewrite(head: RequestHeaders, suppress: boolean): void {
    if (this.#targetHost !== '') head.authority = this.#targetHost;
    const host = this.#rewrittenHost(head);
    if (host !== '') {
      if (this.#appendForwardedHost) head.add('x-forwarded-host', head.authority);
      if (!suppress) head.set('x-envoy-original-host', head.authority);
      head.authority = host;
    }
    const before = head.path;
    if (this.#prefixRewrite !== '') {
      const matched = matchedPart(this.#configuration.match, before);
      head.path = this.#prefixRewrite + before.slice(matched.length);
    } else if (this.#regexRewrite !== undefined) head.path = rewritePath(before, this.#regexRewrite);
    else return;
    if (!suppress) head.set('x-envoy-original-path', before);
  }

  /** The host that takes the place of the client's, or ''. */
  #rewrittenHost(head: RequestHeaders): string {
    if (this.#hostRewrite !== '') return this.#hostRewrite;
    if (this.#hostRewriteHeader !== '') return head.get(this.#hostRewriteHeader) ?? '';
    return this.#hostRewritePath === undefined ? '' : rewritePath(withoutQuery(head.path), this.#hostRewritePath);
  }
}

function idleQueue({ idleTimeout }: RouteAction): DeadlineQueue | 'never' | undefined {
  if (idleTimeout === undefined) return undefined;
  const idleMs = milliseconds(idleTimeout, 0);
  return idleMs > 0 ? deadlineQueue(idleMs) : 'never';
}
