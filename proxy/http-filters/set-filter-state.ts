/**
 * Keeps something of every request for others (Envoy's set_filter_state).
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/set_filter_state
 */
import type { Message } from '@bufbuild/protobuf';
import type { Config } from '../api/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import { compileFilterState, type StateKeeper } from '../stated-filter-state.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

const keeperOf = (configuration: Message): StateKeeper =>
  compileFilterState((configuration as Message & Config).onRequestHeaders, 'request');

export const setFilterState: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.set_filter_state.v3.Config',
  compile(configuration) {
    const keep = keeperOf(configuration);
    return stream => new SetFilterStateFilter(stream, keep);
  },
  compileRoute: keeperOf,
};

class SetFilterStateFilter extends StreamFilter {
  readonly #keep: StateKeeper;

  constructor(stream: FilterStream, keep: StateKeeper) {
    super(stream);
    this.#keep = keep;
  }

  override onRequestHead(): Verdict {
    const { info, routeConfig } = this.stream;
    this.#keep(info);
    (routeConfig as StateKeeper | undefined)?.(info);
    return 'continue';
  }
}
