/** What the router counts below `http.<stat_prefix>.`. */
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

const silent = `passthrough_internal_redirect_bad_location passthrough_internal_redirect_no_route passthrough_internal_redirect_predicate
passthrough_internal_redirect_too_many_redirects passthrough_internal_redirect_unsafe_scheme rq_overload_local_reply`;

export class RouterStats {
  readonly rqTotal: Counter;
  readonly noRoute: Counter;
  readonly noCluster: Counter;
  readonly rqRedirect: Counter;
  readonly rqDirectResponse: Counter;
  readonly rqResetAfterDownstreamResponseStarted: Counter;

  constructor(scope: StatsScope) {
    for (const name of silent.split(/\s+/)) scope.counter(name);
    this.rqTotal = scope.counter('rq_total');
    this.noRoute = scope.counter('no_route');
    this.noCluster = scope.counter('no_cluster');
    this.rqRedirect = scope.counter('rq_redirect');
    this.rqDirectResponse = scope.counter('rq_direct_response');
    this.rqResetAfterDownstreamResponseStarted = scope.counter('rq_reset_after_downstream_response_started');
  }
}
