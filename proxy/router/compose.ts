/** The layers over a cluster that a route asks for. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Patience } from '../routing/patience.ts';
import { hedge } from '../upstream/hedge.ts';
import { retry } from '../upstream/retry.ts';
import { routeTimeout, softTryTimeout, streamLimit, tryTimeout } from '../upstream/time-limit.ts';
import { tryBudget } from '../upstream/try-budget.ts';
import { compose, type Layer, type Upstream } from '../upstream/upstream.ts';
import { countTryTimeouts } from './try-timeouts.ts';

const traced: Layer = inner => ({
  open: (exchange, end, receiver) =>
    exchange.trace === undefined
      ? inner.open(exchange, end, receiver)
      : exchange.trace.openTry(inner, exchange, end, receiver),
});

/** Composes the way of a route's requests, from the outside in. */
export function composeUpstream(patience: Patience, cluster: Cluster): Upstream {
  const { timeoutMs, retryPolicy: policy, priority } = patience;
  const perTryMs = policy?.perTryTimeoutMs ?? 0;
  // One that is not shorter than the whole is ignored, as in Envoy.
  const usesPerTry = perTryMs > 0 && (timeoutMs === 0 || perTryMs < timeoutMs);
  const hedges = usesPerTry && (patience.hedges ?? false);
  const layers: Layer[] = [];
  // Outermost, since the time-out is for all tries together and their pauses.
  if (timeoutMs > 0) layers.push(routeTimeout(timeoutMs));
  if (policy !== undefined && (policy.on.size > 0 || hedges)) {
    const settings = { policy, stats: cluster.stats, limits: cluster.limits[priority] };
    layers.push(hedges ? hedge(settings) : retry(settings));
  }
  // Around each try alone, since the headers for the next service are its own.
  layers.push(traced);
  const { maxStreamDurationMs, timeoutBudgets: budgets } = cluster;
  if (budgets !== undefined) layers.push(tryBudget(budgets.perTry, usesPerTry ? perTryMs : 0));
  if (usesPerTry || maxStreamDurationMs > 0) layers.push(countTryTimeouts(cluster.stats));
  // Inside of the retries, since each try has its own.
  if (usesPerTry) layers.push(hedges ? softTryTimeout(perTryMs) : tryTimeout(perTryMs));
  if (maxStreamDurationMs > 0) layers.push(streamLimit(maxStreamDurationMs));
  // Innermost the cluster itself: it chooses a host anew for each try and asks the breakers.
  return compose(layers, cluster.upstream(priority));
}
