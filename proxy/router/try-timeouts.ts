/** Counts tries that took too long, at the cluster and at the host. */
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { ResetReason, ResponseReceiver } from '../http/codec.ts';
import { Relay } from '../upstream/relay.ts';
import { resetFlag } from '../upstream/resets.ts';
import type { Exchange, Layer } from '../upstream/upstream.ts';

export function countTryTimeouts(stats: ClusterStats): Layer {
  return inner => ({
    open(exchange, end, receiver) {
      const request = new CountedTry(receiver, exchange, stats);
      return inner.open(exchange, end, request);
    },
  });
}

/** Listens only: what is sent goes past it. */
class CountedTry extends Relay {
  readonly #exchange: Exchange;
  readonly #stats: ClusterStats;

  constructor(receiver: ResponseReceiver, exchange: Exchange, stats: ClusterStats) {
    super(receiver);
    this.#exchange = exchange;
    this.#stats = stats;
  }

  override onReset(reason: ResetReason, transportFailure: string): void {
    if (reason === 'per-try-timeout') {
      const { host, info } = this.#exchange;
      this.#stats.rqPerTryTimeout.increment();
      if (host !== undefined) host.counters.rq_timeout++;
      host?.outlier?.timedOut();
      const attempt = info.attempts.at(-1);
      if (attempt !== undefined) attempt.flags |= resetFlag[reason];
      info.decisions?.tryTimedOut();
    }
    if (reason === 'max-duration') this.#stats.rqMaxDurationReached.increment();
    super.onReset(reason, transportFailure);
  }
}
