/** Lets requests wait for routes that are asked for once somebody wants them. */
import type { FilterFactory, HttpFilterType, Verdict } from './filter.ts';
import { StreamFilter } from './filter.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter */
export const onDemand: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.on_demand.v3.OnDemand',
  compile: (): FilterFactory => stream => new OnDemandFilter(stream),
};

class OnDemandFilter extends StreamFilter {
  #giveUp: (() => void) | undefined;

  override onRequestHead(): Verdict {
    if (this.stream.route !== undefined) return 'continue';
    this.#giveUp = this.stream.demandRoute(() => this.stream.continueRequest());
    return this.#giveUp === undefined ? 'continue' : 'stop';
  }

  override onStreamEnd(): void {
    this.#giveUp?.();
  }
}
