/** What becomes of a request by its route. */
import type { RequestHeaders } from '../http/headers.ts';
import type { ClusterAction } from '../routing/cluster-action.ts';
import { grpcTimeoutFor } from '../routing/grpc-timeout.ts';
import type { Patience } from '../routing/patience.ts';
import { takeWishes } from '../routing/request-wishes.ts';
import { changePath } from '../routing/rewrite.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import { flag } from '../stream-info.ts';
import { type RoutedStream, RouterRequest } from './router.ts';

/** The request as it is to be sent; undefined where it was answered here: by the route itself, or since it leads nowhere. */
export function routeRequest(
  stream: RoutedStream,
  head: RequestHeaders,
  route: RouteEntry | undefined,
): RouterRequest | undefined {
  stream.stats.rqTotal.increment();
  if (route === undefined) {
    stream.stats.noRoute.increment();
    stream.info.flags |= flag.NO_ROUTE_FOUND;
    stream.localReply(404, '', 'route_not_found');
    return undefined;
  }
  if (route.direct !== undefined) {
    answerDirectly(stream, route, head);
    return undefined;
  }
  const bound = route.cluster?.bind();
  if (route.cluster !== undefined && bound !== undefined) {
    // Others' wishes were taken away when they came.
    const own = patienceFor(head, route.cluster);
    const patience = (stream.info.internal ? takeWishes(head, own) : undefined) ?? own;
    const upstream = patience === route.cluster ? bound : route.cluster.bindFor(patience, bound);
    return new RouterRequest(stream, head, route, route.cluster, upstream, patience);
  }
  refuseWithoutCluster(stream, route);
  return undefined;
}

/** What the route allows for this request. */
function patienceFor(head: RequestHeaders, cluster: ClusterAction): Patience {
  const timeoutMs = grpcTimeoutFor(head, cluster.grpcTimeout);
  if (timeoutMs === undefined) return cluster;
  const { retryPolicy, priority, hedges } = cluster;
  return { timeoutMs, retryPolicy, priority, hedges, tellsGrpc: true };
}

function answerDirectly(stream: RoutedStream, route: RouteEntry, head: RequestHeaders): void {
  stream.stats.rqDirectResponse.increment();
  const direct = route.direct!;
  const location = direct.location(head);
  if (direct.pathRewrite !== undefined) changePath(head, direct.pathRewrite, stream.suppressEnvoyHeaders);
  stream.localReply(direct.status, direct.body, 'direct_response', response => {
    if (location !== '') response.add('location', location);
    route.adorn(response, stream.info);
  });
}

function refuseWithoutCluster(stream: RoutedStream, { cluster }: RouteEntry): void {
  if (cluster === undefined) {
    stream.localReply(404, '', 'route_not_found');
    return;
  }
  stream.stats.noCluster.increment();
  stream.info.flags |= flag.NO_CLUSTER_FOUND;
  stream.localReply(cluster.clusterNotFoundStatus, '', 'cluster_not_found');
}
