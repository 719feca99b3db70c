/** What the router counts below `http.<stat_prefix>.`. */
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

/** Why a redirect that was to be followed is passed on to the client, in Envoy's words. */
const redirectFailures = ['bad_location', 'no_route', 'predicate', 'too_many_redirects', 'unsafe_scheme'] as const;
export type RedirectFailure = (typeof redirectFailures)[number];

export class RouterStats {
  readonly rqTotal: Counter;
  readonly noRoute: Counter;
  readonly noCluster: Counter;
  readonly rqRedirect: Counter;
  readonly rqDirectResponse: Counter;
  readonly rqResetAfterDownstreamResponseStarted: Counter;
  readonly passedRedirects: Readonly<Record<RedirectFailure, Counter>>;

  constructor(scope: StatsScope) {
    scope.counter('rq_overload_local_reply');
    this.rqTotal = scope.counter('rq_total');
    this.noRoute = scope.counter('no_route');
    this.noCluster = scope.counter('no_cluster');
    this.rqRedirect = scope.counter('rq_redirect');
    this.rqDirectResponse = scope.counter('rq_direct_response');
    this.rqResetAfterDownstreamResponseStarted = scope.counter('rq_reset_after_downstream_response_started');
    this.passedRedirects = Object.fromEntries(
      redirectFailures.map(reason => [reason, scope.counter(`passthrough_internal_redirect_${reason}`)]),
    ) as Record<RedirectFailure, Counter>;
  }
}
