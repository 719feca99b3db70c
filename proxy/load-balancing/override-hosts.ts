/** Hosts that requests ask for themselves, past the balancer. */
import { HealthStatus } from '../api/enums.js';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Host } from '../cluster/host.ts';

/** Which host a request asks for. */
export interface OverrideHost {
  /** `ip:port`. */
  readonly address: string;
  /** No other host will do. */
  readonly strict: boolean;
}

const usual: ReadonlySet<HealthStatus> = new Set([HealthStatus.UNKNOWN, HealthStatus.HEALTHY, HealthStatus.DEGRADED]);

export class OverrideHosts {
  /** Of those that may be asked for. */
  readonly #statuses: ReadonlySet<HealthStatus>;

  constructor({ commonLbConfig }: Cluster) {
    const stated = commonLbConfig?.overrideHostStatus?.statuses;
    this.#statuses = stated === undefined ? usual : new Set(stated);
  }

  /** The host at the address; undefined where there is none that may be asked for. */
  find(hosts: readonly Host[], address: string): Host | undefined {
    const host = hosts.find(({ name }) => name === address);
    return host !== undefined && statusesOf(host).some(status => this.#statuses.has(status)) ? host : undefined;
  }
}

const stated = {
  unhealthy: [HealthStatus.UNHEALTHY],
  draining: [HealthStatus.DRAINING],
  timeout: [HealthStatus.TIMEOUT],
  degraded: [HealthStatus.DEGRADED],
  // Where its source says nothing it is taken for healthy.
  healthy: [HealthStatus.HEALTHY, HealthStatus.UNKNOWN],
} as const;

/** As Envoy has it: what was found out here counts first, then what the source of the host says. */
function statusesOf(host: Host): readonly HealthStatus[] {
  if (host.has('failed_active_hc') || host.has('failed_outlier_check')) return stated.unhealthy;
  const told = stated[host.stated];
  const isWell = host.stated === 'healthy' || host.stated === 'degraded';
  return isWell && host.has('degraded_active_hc') ? stated.degraded : told;
}
