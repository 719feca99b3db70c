/** Hosts that have just come, or come to be healthy again, get less at first. */
import type { Host } from '../cluster/host.ts';
import { milliseconds } from '../duration.ts';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';

/** The messages that say it, the old and the new one. */
interface Stated {
  slowStartWindow?: Parameters<typeof milliseconds>[0];
  aggression?: { defaultValue: number; runtimeKey: string } | undefined;
  minWeightPercent?: { value: number } | undefined;
}

export class SlowStart {
  readonly #windowMs: number;
  readonly #aggression: RuntimeNumber;
  /** Of 1. */
  readonly #least: number;

  /** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start */
  constructor(stated: Stated, runtime: RuntimeValues | undefined) {
    this.#windowMs = milliseconds(stated.slowStartWindow, 0);
    const { defaultValue = 1, runtimeKey = '' } = stated.aggression ?? {};
    this.#aggression = new RuntimeNumber(defaultValue, runtimeKey, runtime);
    this.#least = (stated.minWeightPercent?.value ?? 10) / 100;
  }

  /** Whether any of these is at its start. For a host that is seen for the first time, it begins now. */
  concerns(hosts: readonly Host[]): boolean {
    if (this.#windowMs === 0) return false;
    const now = performance.now();
    for (const host of hosts) if (host.health === 'healthy') host.healthySinceMs ??= now;
    return hosts.some(host => host.healthySinceMs !== undefined && now - host.healthySinceMs <= this.#windowMs);
  }

  /** How much of its weight counts now, of 1. */
  factor(host: Host): number {
    if (host.healthySinceMs === undefined || host.health !== 'healthy') return 1;
    const ageMs = Math.floor(performance.now() - host.healthySinceMs);
    if (ageMs >= this.#windowMs) return 1;
    const aggression = this.#aggression.value > 0 ? this.#aggression.value : 1;
    return Math.max((Math.max(1, ageMs) / this.#windowMs) ** (1 / aggression), this.#least);
  }
}
