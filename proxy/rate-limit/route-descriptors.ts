/** The descriptors that a request gets by its route's rate limits, and by those of its virtual host. */
import type { FilterStream } from '../http-filters/filter.ts';
import type { Descriptor, RateLimitedRequest, RateLimitRule } from '../routing/rate-limit-rules.ts';

/** Whether the rules of the virtual host count where the route has some of its own. */
export type HostRules = 'override' | 'include' | 'ignore';

/**
 * The rules that are for a filter.
 * @param stage of the filter: rules of other stages are not for it
 */
export function routeRules({ route }: FilterStream, stage: number, hostRules: HostRules): RateLimitRule[] {
  if (route === undefined) return [];
  const withHost =
    hostRules === 'include' ||
    route.includesHostRateLimits ||
    (hostRules === 'override' && route.rateLimits.length === 0);
  const rules: readonly RateLimitRule[] = withHost ? [...route.rateLimits, ...route.host.rateLimits] : route.rateLimits;
  return rules.filter(rule => rule.stage === stage);
}

/** What rules look at. @param nodeCluster the name of this node's cluster */
export function limitedRequest(
  { route, info, requestHeaders: head }: FilterStream,
  nodeCluster: string,
): RateLimitedRequest {
  return {
    head,
    info,
    clusterName: route?.cluster?.clusterName ?? '',
    nodeCluster,
  };
}

/** The descriptors for a limit that the proxy keeps itself: as in Envoy, a rule that runtime may switch off is none for it. */
export function routeDescriptors(
  stream: FilterStream,
  stage: number,
  hostRules: HostRules,
  nodeCluster: string,
): Descriptor[] {
  const request = limitedRequest(stream, nodeCluster);
  return routeRules(stream, stage, hostRules)
    .filter(({ enabledKey }) => enabledKey === '')
    .map(rule => rule.descriptor(request))
    .filter(descriptor => descriptor !== undefined);
}
