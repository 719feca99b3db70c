/** Lets requests wait for routes, and for clusters, that are asked for once somebody wants them. */
import type { Message } from '@bufbuild/protobuf';
import type {
  OnDemand,
  OnDemandCds,
  PerRouteConfig,
} from '../api/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import type { DemandedClusters } from '../cluster/demanded-clusters.ts';
import { milliseconds } from '../duration.ts';
import type { FilterStream, HttpFilterType, RouteFilterContext, Verdict } from './filter.ts';
import { StreamFilter } from './filter.ts';

/** How long a cluster is waited for where nothing is said. */
const usualTimeoutMs = 5000;

interface ClusterDemand {
  /** Undefined: none comes on demand. */
  clusters: DemandedClusters | undefined;
  timeoutMs: number;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter */
export const onDemand: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.on_demand.v3.OnDemand',
  routeTypeName: 'envoy.extensions.filters.http.on_demand.v3.PerRouteConfig',
  compile(configuration, context) {
    const demand = clusterDemand((configuration as Message & OnDemand).odcds, context);
    return stream => new OnDemandFilter(stream, demand);
  },
  compileRoute: (configuration, context) => clusterDemand((configuration as Message & PerRouteConfig).odcds, context),
};

function clusterDemand(odcds: OnDemandCds | undefined, context: RouteFilterContext): ClusterDemand {
  const source = odcds?.source;
  return {
    clusters: source && context.demandedClusters(source),
    timeoutMs: milliseconds(odcds?.timeout, usualTimeoutMs),
  };
}

class OnDemandFilter extends StreamFilter {
  readonly #demand: ClusterDemand;
  #giveUp: (() => void) | undefined;

  constructor(stream: FilterStream, demand: ClusterDemand) {
    super(stream);
    this.#demand = demand;
  }

  override onRequestHead(): Verdict {
    if (this.stream.route !== undefined) return this.#awaitCluster() ? 'stop' : 'continue';
    this.#giveUp = this.stream.demandRoute(() => {
      if (!this.#awaitCluster()) this.stream.continueRequest();
    });
    return this.#giveUp === undefined ? 'continue' : 'stop';
  }

  /** Whether there is one to wait for: the router says of it what there is to say. */
  #awaitCluster(): boolean {
    const cluster = this.stream.route?.cluster;
    const { clusters, timeoutMs } = (this.stream.routeConfig as ClusterDemand | undefined) ?? this.#demand;
    if (clusters === undefined || cluster === undefined || cluster.clusterName === '') return false;
    if (cluster.bind() !== undefined) return false;
    this.#giveUp = clusters.demand(cluster.clusterName, timeoutMs, () => this.stream.continueRequest());
    return true;
  }

  override onStreamEnd(): void {
    this.#giveUp?.();
  }
}
