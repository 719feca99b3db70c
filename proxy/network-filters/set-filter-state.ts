/** Keeps something of every connection for others (Envoy's set_filter_state for connections). */
import type { Message } from '@bufbuild/protobuf';
import type { Config } from '../api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { clusterKey, compileFilterState, type StateKeeper } from '../stated-filter-state.ts';
import { type FilteredClient, NetworkFilter, type NetworkFilterType, type Verdict } from './network-filter.ts';

export const setFilterState: NetworkFilterType = {
  typeName: 'envoy.extensions.filters.network.set_filter_state.v3.Config',
  compile(configuration) {
    const keep = compileFilterState((configuration as Message & Config).onNewConnection, 'connection');
    return client => new SetFilterStateFilter(client, keep);
  },
};

class SetFilterStateFilter extends NetworkFilter {
  readonly #keep: StateKeeper;

  constructor(client: FilteredClient, keep: StateKeeper) {
    super(client);
    this.#keep = keep;
  }

  override onConnection(): Verdict {
    const { info } = this.client;
    this.#keep(info);
    const cluster = info.filterState?.get(clusterKey)?.text;
    if (cluster !== undefined) info.namedCluster = cluster;
    return 'continue';
  }
}
