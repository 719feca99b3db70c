import type { Counter } from './stats.ts';
import type { StatsScope } from './store.ts';

/** What becomes of headers with underscores in their names, below `http1.` and `http2.`. */
export class UnderscoreCounters {
  readonly dropped: Counter;
  readonly rejected: Counter;

  constructor(scope: StatsScope) {
    this.dropped = scope.counter('dropped_headers_with_underscores');
    this.rejected = scope.counter('requests_rejected_with_underscores_in_headers');
  }
}
