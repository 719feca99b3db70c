/**
 * When those who choose hosts hear of a change. What the source of the hosts tells is heard of at once; of health that was found out,
 * at most one change in each window is, and what comes meanwhile is heard of at its end: a table of hosts costs much to make.
 */
import type { Counter } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto (update_merge_window) */
export class UpdateWindow {
  readonly #windowMs: number;
  readonly #apply: () => void;
  readonly #updated: Counter;
  readonly #merged: Counter;
  readonly #cancelled: Counter;
  readonly #outside: Counter;
  #open = false;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param windowMs 0: no change waits
   * @param apply tells of all that has changed
   */
  constructor(windowMs: number, store: StatsStore, apply: () => void) {
    this.#windowMs = windowMs;
    this.#apply = apply;
    const scope = store.scope('cluster_manager.');
    this.#updated = scope.counter('cluster_updated');
    this.#merged = scope.counter('cluster_updated_via_merge');
    this.#cancelled = scope.counter('update_merge_cancelled');
    this.#outside = scope.counter('update_out_of_merge_window');
  }

  /** The hosts are known. What changed before was heard of at once, and is no update. */
  open(): void {
    this.#open = true;
  }

  /**
   * @param mergeable whether it may wait
   * @param priorities of how many something changed: each is an update of its own
   */
  changed(mergeable: boolean, priorities: number): void {
    if (this.#open && this.#windowMs > 0 && this.#waits(mergeable, priorities)) return;
    if (this.#open) this.#updated.add(priorities);
    this.#apply();
  }

  #waits(mergeable: boolean, priorities: number): boolean {
    const outside = performance.now() - this.#lastMs > this.#windowMs;
    if (mergeable && !outside) {
      this.#timer ??= setTimeout(() => this.#merge(priorities), this.#windowMs);
      return true;
    }
    if (mergeable) this.#outside.add(priorities);
    if (this.#timer !== undefined) this.#cancelled.add(priorities);
    this.stop();
    this.#lastMs = performance.now();
    return false;
  }

  #merge(priorities: number): void {
    this.stop();
    this.#lastMs = performance.now();
    this.#merged.add(priorities);
    this.#apply();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
