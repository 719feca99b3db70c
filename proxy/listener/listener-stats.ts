/** What is counted of all listeners together, by Envoy's names. */
import type { Counter, Gauge } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';

export class ListenerManagerStats {
  readonly added: Counter;
  readonly modified: Counter;
  readonly removed: Counter;
  readonly inPlaceUpdated: Counter;
  readonly createSuccess: Counter;
  readonly createFailure: Counter;
  readonly active: Gauge;
  readonly warming: Gauge;
  readonly draining: Gauge;
  readonly chainsDraining: Gauge;
  readonly workersStarted: Gauge;

  constructor(store: StatsStore) {
    const scope = store.scope('listener_manager.');
    scope.counter('listener_stopped');
    this.added = scope.counter('listener_added');
    this.modified = scope.counter('listener_modified');
    this.removed = scope.counter('listener_removed');
    this.inPlaceUpdated = scope.counter('listener_in_place_updated');
    this.createSuccess = scope.counter('listener_create_success');
    this.createFailure = scope.counter('listener_create_failure');
    this.active = scope.gauge('total_listeners_active');
    this.warming = scope.gauge('total_listeners_warming');
    this.draining = scope.gauge('total_listeners_draining');
    this.chainsDraining = scope.gauge('total_filter_chains_draining');
    this.workersStarted = scope.gauge('workers_started');
  }
}
