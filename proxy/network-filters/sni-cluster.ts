/** Sends a connection to the cluster whose name the client asked for by SNI (Envoy's sni_cluster). */
import { NetworkFilter, type NetworkFilterType, type Verdict } from './network-filter.ts';

export const sniCluster: NetworkFilterType = {
  typeName: 'envoy.extensions.filters.network.sni_cluster.v3.SniCluster',
  compile: () => client => new SniClusterFilter(client),
};

class SniClusterFilter extends NetworkFilter {
  /** Who names none goes where the proxy of TCP says. */
  override onConnection(): Verdict {
    const { info } = this.client;
    info.namedCluster = info.requestedServerName;
    return 'continue';
  }
}
