/** The layers over a cluster that a route asks for. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Patience } from '../routing/patience.ts';
import { retry } from '../upstream/retry.ts';
import { routeTimeout, tryTimeout } from '../upstream/time-limit.ts';
import { compose, type Layer, type Upstream } from '../upstream/upstream.ts';
import { countTryTimeouts } from './try-timeouts.ts';

/** Composes the way of a route's requests, from the outside in. */
export function composeUpstream(patience: Patience, cluster: Cluster): Upstream {
  const { timeoutMs, retryPolicy: policy, priority } = patience;
  const layers: Layer[] = [];
  // Outermost, since the time-out is for all tries together and their pauses.
  if (timeoutMs > 0) layers.push(routeTimeout(timeoutMs));
  if (policy !== undefined && policy.on.size > 0) {
    layers.push(retry({ policy, stats: cluster.stats, limits: cluster.limits[priority] }));
  }
  const perTryMs = policy?.perTryTimeoutMs ?? 0;
  // Inside of the retries, since each try has its own; one that is not shorter than the whole is ignored, as in Envoy.
  if (perTryMs > 0 && (timeoutMs === 0 || perTryMs < timeoutMs)) {
    layers.push(countTryTimeouts(cluster.stats), tryTimeout(perTryMs));
  }
  // Innermost the cluster itself: it chooses a host anew for each try and asks the breakers.
  return compose(layers, cluster.upstream(priority));
}
