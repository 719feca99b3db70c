import type { Cluster } from '../cluster/cluster.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StatsScope } from '../stats/store.ts';

/** What a tracer may use, for as long as the proxy runs. */
export interface TracerContext {
  /** The root of all statistics. */
  scope: StatsScope;
  runtime: RuntimeValues | undefined;
  nodeCluster: string;
  cluster: (name: string) => Cluster | undefined;
}
