/** What a route says of tracing. */
import type { Decorator as DecoratorConfiguration, Route } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import { compileTags, type Tag } from '../tracing/custom-tags.ts';
import { compileShares, type Shares } from '../tracing/sampling.ts';

/** In the stead of what the connection manager says. */
export interface RouteTracing {
  shares: Shares;
  tags: readonly Tag[];
}

/** How spans of the route are named. */
export interface Decorator {
  operation: string;
  /** The other side is told, so that its span has the same name. */
  propagates: boolean;
}

export function routeTracing({ tracing }: Route, runtime: RuntimeValues | undefined): RouteTracing | undefined {
  if (tracing === undefined) return undefined;
  const { clientSampling: client, randomSampling: random, overallSampling: overall, customTags } = tracing;
  return { shares: compileShares({ client, random, overall }, runtime), tags: compileTags(customTags) };
}

export function decoratorOf(configuration: DecoratorConfiguration | undefined): Decorator | undefined {
  return configuration && { operation: configuration.operation, propagates: configuration.propagate ?? true };
}
