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
import { asBytes } from '../net/latin1.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type GrpcTimeout, grpcTimeout } from './grpc-timeout.ts';
import { HashPolicies } from './hash-policy.ts';
import { InternalRedirectPolicy } from './internal-redirect-policy.ts';
import { MirrorPolicy } from './mirror-policy.ts';
import { withoutQuery } from './path-match.ts';
import type { Patience } from './patience.ts';
import { RetryPolicy } from './retry-policy.ts';
import { changePath, pathRewrite, type Rewrite, regexRewrite, rewritePath, templatedRewrite } from './rewrite.ts';
import type { RouteContext, TableContext } from './route-context.ts';
import { type StreamDuration, streamDuration } from './stream-duration.ts';
import { Upgrades } from './upgrades.ts';

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
  /** How long a stream may take, where the route says so. */
  readonly duration: StreamDuration | undefined;
  /** What clients of gRPC may ask for; undefined: `timeoutMs` holds for them too. */
  readonly grpcTimeout: GrpcTimeout | undefined;
  /** A limit of its own on idle streams; undefined: the connection manager's. */
  readonly idleQueue: DeadlineQueue | 'never' | undefined;
  readonly retryPolicy: RetryPolicy | undefined;
  readonly hedges: boolean;
  readonly mirrorPolicies: readonly MirrorPolicy[];
  /** Requests get the name of the host that they go to. */
  readonly autoHostRewrite: boolean;
  /** Bytes of a body that may be kept for a retry. */
  readonly bufferLimit: number;
  /** Undefined: redirects are passed on. */
  readonly internalRedirects: InternalRedirectPolicy | undefined;
  readonly priority: Priority;
  readonly hashPolicies: HashPolicies | undefined;
  /** What the metadata of hosts have to be. */
  readonly metadataMatch: MetadataCriteria | undefined;
  /** What it says of upgrades. */
  readonly upgrades: Upgrades;
  readonly #context: RouteContext;
  #bound: BoundCluster | undefined;
  readonly #pathRewrite: Rewrite | undefined;
  readonly #targetHost: string;
  readonly #hostRewrite: string;
  readonly #hostRewriteHeader: string;
  readonly #hostRewritePath: Rewrite | undefined;
  readonly #appendForwardedHost: boolean;

  constructor(route: Configuration, action: RouteAction, host: VirtualHost, target: Target, context: TableContext) {
    this.#context = context;
    this.clusterName = target.clusterName;
    this.clusterNotFoundStatus = notFoundStatus[action.clusterNotFoundResponseCode] ?? 503;
    this.duration = streamDuration(action);
    // One takes the place of the other.
    this.timeoutMs = this.duration === undefined ? milliseconds(action.timeout, 15_000) : 0;
    this.grpcTimeout = this.duration === undefined ? grpcTimeout(action) : undefined;
    this.idleQueue = idleQueue(action);
    const policy = action.retryPolicy ?? host.retryPolicy;
    this.retryPolicy = policy === undefined ? undefined : new RetryPolicy(policy);
    this.hedges = (action.hedgePolicy ?? host.hedgePolicy)?.hedgeOnPerTryTimeout ?? false;
    const mirrorLevels = [action, host].map(level => level.requestMirrorPolicies);
    const mirrors = mirrorLevels.find(policies => policies.length > 0) ?? context.mirrorPolicies;
    this.bufferLimit = route.perRequestBufferLimitBytes ?? host.perRequestBufferLimitBytes ?? Number.POSITIVE_INFINITY;
    this.mirrorPolicies = mirrors.map(mirror => new MirrorPolicy(mirror, context));
    this.internalRedirects = InternalRedirectPolicy.of(action, route.name);
    this.metadataMatch = MetadataCriteria.of(target.metadata, MetadataCriteria.of(action.metadataMatch));
    this.hashPolicies = HashPolicies.of(action.hashPolicy);
    this.priority = action.priority === RoutingPriority.HIGH ? 'high' : 'default';
    this.upgrades = new Upgrades(action.upgradeConfigs);
    const rewrite = action.hostRewriteSpecifier;
    this.#targetHost = asBytes(target.hostRewrite);
    this.#hostRewrite = rewrite.case === 'hostRewriteLiteral' ? asBytes(rewrite.value) : '';
    this.#hostRewriteHeader = rewrite.case === 'hostRewriteHeader' ? rewrite.value.toLowerCase() : '';
    this.#hostRewritePath = rewrite.case === 'hostRewritePathRegex' ? regexRewrite(rewrite.value) : undefined;
    this.autoHostRewrite = rewrite.case === 'autoHostRewrite' && (rewrite.value.value ?? false);
    this.#appendForwardedHost = action.appendXForwardedHost;
    this.#pathRewrite =
      templatedRewrite(route.match, action) ?? pathRewrite(route.match, action.prefixRewrite, action.regexRewrite);
    this.rewrites = this.#pathRewrite !== undefined || (rewrite.case !== undefined && !this.autoHostRewrite);
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
    this.changeHost(head, this.#rewrittenHost(head), suppress);
    if (this.#pathRewrite !== undefined) changePath(head, this.#pathRewrite, suppress);
  }

  /** Gives a request another host; '' leaves it as it is. */
  changeHost(head: RequestHeaders, host: string, suppress: boolean): void {
    if (host === '') return;
    if (!suppress) head.set('x-envoy-original-host', head.authority);
    if (this.#appendForwardedHost) head.add('x-forwarded-host', head.authority);
    head.authority = host;
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
