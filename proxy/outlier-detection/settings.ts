/** What a cluster's outlier detection is set to, by the names of its runtime keys; the runtime may say otherwise at any time. */
import type { OutlierDetection } from '../api/envoy/config/cluster/v3/outlier_detection_pb.js';
import { milliseconds } from '../duration.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';

const defaults = {
  interval_ms: 10_000,
  base_ejection_time_ms: 30_000,
  max_ejection_time_ms: 300_000,
  max_ejection_time_jitter_ms: 0,
  max_ejection_percent: 10,
  consecutive_5xx: 5,
  enforcing_consecutive_5xx: 100,
  consecutive_gateway_failure: 5,
  enforcing_consecutive_gateway_failure: 0,
  consecutive_local_origin_failure: 5,
  enforcing_consecutive_local_origin_failure: 100,
  success_rate_minimum_hosts: 5,
  success_rate_request_volume: 100,
  success_rate_stdev_factor: 1900,
  enforcing_success_rate: 100,
  enforcing_local_origin_success_rate: 100,
  failure_percentage_threshold: 85,
  failure_percentage_minimum_hosts: 5,
  failure_percentage_request_volume: 50,
  enforcing_failure_percentage: 0,
  enforcing_failure_percentage_local_origin: 0,
};

export type SettingName = keyof typeof defaults;

/** Reads settings, and what the runtime says instead below `outlier_detection.`. */
export class OutlierSettings {
  readonly splitsLocalOrigin: boolean;
  readonly alwaysEjectsOne: boolean;
  /** Whether a host that passes an active health check comes back at once. */
  readonly unejectsByHealthCheck: boolean;
  readonly #values: Record<SettingName, number>;
  readonly #runtime: RuntimeValues | undefined;

  constructor(configuration: OutlierDetection, runtime: RuntimeValues | undefined) {
    this.splitsLocalOrigin = configuration.splitExternalLocalOriginErrors;
    this.alwaysEjectsOne = configuration.alwaysEjectOneHost ?? false;
    this.unejectsByHealthCheck = configuration.successfulActiveHealthCheckUnejectHost ?? true;
    this.#values = valuesOf(configuration);
    this.#runtime = runtime;
  }

  get(name: SettingName): number {
    const byDefault = this.#values[name];
    return this.#runtime?.getNumber(`outlier_detection.${name}`, byDefault) ?? byDefault;
  }
}

function valuesOf(configuration: OutlierDetection): Record<SettingName, number> {
  const base = milliseconds(configuration.baseEjectionTime, defaults.base_ejection_time_ms);
  const values: Record<SettingName, number> = {
    ...defaults,
    interval_ms: milliseconds(configuration.interval, defaults.interval_ms),
    base_ejection_time_ms: base,
    max_ejection_time_ms: milliseconds(configuration.maxEjectionTime, Math.max(defaults.max_ejection_time_ms, base)),
    max_ejection_time_jitter_ms: milliseconds(configuration.maxEjectionTimeJitter, 0),
  };
  const fields = configuration as unknown as Record<string, number | undefined>;
  // All other keys are the names of fields.
  for (const name of Object.keys(defaults) as SettingName[])
    values[name] = fields[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())] ?? values[name];
  return values;
}
