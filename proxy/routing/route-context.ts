import type { Any } from '@bufbuild/protobuf/wkt';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { RouteAction_RequestMirrorPolicy as MirrorConfiguration } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import type { DemandedClusters } from '../cluster/demanded-clusters.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';
import type { XdsContext } from '../xds/xds-context.ts';
import type { Patience } from './patience.ts';

/** What compiling routes needs from outside. */
export interface RouteContext {
  /** Undefined: no key has a value. */
  runtime: RuntimeValues | undefined;
  /** The cluster as it is now: ask again for each request. */
  cluster(name: string): Cluster | undefined;
  /** The layers that a route asks for, over a cluster. */
  compose(patience: Patience, cluster: Cluster): Upstream;
  /** Compiles what a route says to one HTTP filter; undefined where the filter has nothing to be told. */
  compileFilterConfig(configuration: Any): FilterConfig | undefined;
}

/** What compiling the routes of one table needs. */
export interface TableContext extends RouteContext {
  /** How long a direct response may be, in bytes. */
  maxDirectBody: number;
  /** Where neither a route nor its virtual host says to whom copies go. */
  mirrorPolicies: readonly MirrorConfiguration[];
  /** What comes after `;` in parts of paths does not count for matches. */
  ignoresPathParameters: boolean;
  /** What the route says of headers comes after what is said around it, and so holds. */
  mostSpecificWins: boolean;
}

/** What a connection manager needs for routes that come while the proxy runs; undefined where none can. */
export interface RouteSourceContext extends RouteContext {
  xds: XdsContext | undefined;
  /** Clusters that come from there once they are asked for. @throws Error for a source that cannot be */
  demandedClusters(source: ConfigSource): DemandedClusters;
  /** Where all workers count together; undefined: there is one. */
  shared?: SharedMemory | undefined;
}

/** What a route, a virtual host, … says to one HTTP filter. */
export interface FilterConfig {
  /** The filter is left out. */
  disabled: boolean;
  /** As the filter compiled it; undefined where only `disabled` was said. */
  config: unknown;
}
