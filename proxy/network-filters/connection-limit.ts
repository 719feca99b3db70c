/** Bounds how many connections a filter chain has at once (Envoy's connection_limit). */
import type { Message } from '@bufbuild/protobuf';
import type { ConnectionLimit } from '../api/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js';
import { milliseconds } from '../duration.ts';
import { RuntimeSwitch } from '../runtime/runtime-values.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import { type Tally, tallyBytes, tallyOf } from '../workers/tally.ts';
import {
  type FilteredClient,
  NetworkFilter,
  type NetworkFilterContext,
  type NetworkFilterType,
  type Verdict,
} from './network-filter.ts';

export const connectionLimit: NetworkFilterType = {
  typeName: 'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
  compile(configuration, context) {
    const limit = new Limit(configuration as Message & ConnectionLimit, context);
    return client => new ConnectionLimitFilter(client, limit);
  },
};

/** What the connections under one limit share. */
class Limit {
  readonly enabled: RuntimeSwitch;
  /** How long one too many is left open, in milliseconds. */
  readonly delayMs: number;
  readonly active: Gauge;
  readonly limited: Counter;
  readonly #maximum: number;
  readonly #admitted: Tally;

  constructor(configuration: ConnectionLimit, { rootScope, runtime, shared }: NetworkFilterContext) {
    const { runtimeEnabled } = configuration;
    this.enabled = new RuntimeSwitch(runtimeEnabled?.defaultValue ?? true, runtimeEnabled?.runtimeKey ?? '', runtime);
    this.delayMs = milliseconds(configuration.delay, 0);
    this.#maximum = Number(configuration.maxConnections);
    this.#admitted = tallyOf(1, shared?.next('connections', tallyBytes(1)));
    const scope = rootScope.scope(`connection_limit.${sanitizeStatsName(configuration.statPrefix)}.`);
    this.active = scope.gauge('active_connections');
    this.limited = scope.counter('limited_connections');
  }

  admit(): boolean {
    if (this.#admitted.add(0, 1) <= this.#maximum) return true;
    this.#admitted.add(0, -1);
    return false;
  }

  release(): void {
    this.#admitted.add(0, -1);
  }
}

class ConnectionLimitFilter extends NetworkFilter {
  readonly #limit: Limit;
  #state: 'not-counted' | 'admitted' | 'refused' = 'not-counted';
  #delay: NodeJS.Timeout | undefined;

  constructor(client: FilteredClient, limit: Limit) {
    super(client);
    this.#limit = limit;
  }

  override onConnection(): Verdict {
    const limit = this.#limit;
    if (!limit.enabled.on) return 'continue';
    limit.active.increment();
    this.#state = limit.admit() ? 'admitted' : 'refused';
    if (this.#state === 'admitted') return 'continue';
    limit.limited.increment();
    if (limit.delayMs > 0) this.#delay = setTimeout(() => this.client.close(), limit.delayMs);
    else this.client.close();
    return 'stop';
  }

  override onClose(): void {
    clearTimeout(this.#delay);
    if (this.#state === 'not-counted') return;
    this.#limit.active.decrement();
    if (this.#state === 'admitted') this.#limit.release();
  }
}
