/** How many connections there may be at a time: at a listener, or at all of them together. */
import type { Bootstrap } from '../api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { DownstreamConnectionsConfig } from '../api/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';
import { type Tally, tallyBytes, tallyOf } from '../workers/tally.ts';

const monitorType = 'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';

export class ConnectionQuota {
  readonly #limit: { readonly value: number };
  readonly #taken: Tally;

  readonly #refused: Counter | undefined;

  /**
   * @param shared where all workers count; undefined: there is one
   * @param refused counts those that could not be taken
   */
  constructor(limit: { readonly value: number }, shared: SharedArrayBuffer | undefined, refused?: Counter) {
    this.#refused = refused;
    this.#limit = limit;
    this.#taken = tallyOf(1, shared);
  }

  /** False where there are as many as may be: nothing is taken then. */
  tryTake(): boolean {
    if (this.#taken.add(0, 1) <= this.#limit.value) return true;
    this.#taken.add(0, -1);
    this.#refused?.increment();
    return false;
  }

  /** Takes one though there may be too many. */
  take(): void {
    this.#taken.add(0, 1);
  }

  give(): void {
    this.#taken.add(0, -1);
  }
}

/** Of one listener, by its runtime key. */
export function listenerQuota(
  name: string,
  runtime: RuntimeValues | undefined,
  shared: SharedMemory | undefined,
): ConnectionQuota {
  const key = `envoy.resource_limits.listener.${name}.connection_limit`;
  const limit = new RuntimeNumber(Number.POSITIVE_INFINITY, key, runtime);
  return new ConnectionQuota(limit, shared?.next('listener connections', tallyBytes(1)));
}

/** Of all listeners together: by the monitor that the bootstrap states, else by the deprecated runtime key. */
export interface GlobalQuota {
  quota: ConnectionQuota;
  isMonitored: boolean;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/overload_manager/overload_manager */
export function globalQuota(
  { overloadManager }: Pick<Bootstrap, 'overloadManager'>,
  {
    store,
    runtime,
    shared,
  }: { store: StatsStore; runtime: RuntimeValues | undefined; shared: SharedMemory | undefined },
): GlobalQuota {
  const memory = shared?.buffer('all connections', tallyBytes(1));
  for (const { name, configType } of overloadManager?.resourceMonitors ?? []) {
    const any = configType.case === 'typedConfig' ? configType.value : undefined;
    const monitor = typedConfig<DownstreamConnectionsConfig>(any, monitorType);
    if (monitor === undefined) continue;
    const scope = store.scope(`overload.${name}.`);
    scope.gauge('pressure');
    const limit = { value: Number(monitor.maxActiveDownstreamConnections) };
    return { quota: new ConnectionQuota(limit, memory, scope.counter('failed_updates')), isMonitored: true };
  }
  const byKey = new RuntimeNumber(Number.POSITIVE_INFINITY, 'overload.global_downstream_max_connections', runtime);
  return { quota: new ConnectionQuota(byKey, memory), isMonitored: false };
}
