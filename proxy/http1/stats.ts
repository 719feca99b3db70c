/** What HTTP/1 counts below `http1.`, of all clients together. */
import type { StatsScope } from '../stats/store.ts';
import { UnderscoreCounters } from '../stats/underscore-counters.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats#http-1-codec-statistics */
export class Http1Stats {
  readonly underscores: UnderscoreCounters;

  /** @param scope that ends with `http1.` */
  constructor(scope: StatsScope) {
    for (const name of ['metadata_not_supported_error', 'response_flood']) scope.counter(name);
    this.underscores = new UnderscoreCounters(scope);
  }
}
