/** What speaks against using a host, by Envoy's names and in its order. */
export const healthFlag = {
  failed_active_hc: 1,
  failed_outlier_check: 1 << 1,
  failed_eds_health: 1 << 2,
  degraded_active_hc: 1 << 3,
  degraded_eds_health: 1 << 4,
  pending_dynamic_removal: 1 << 5,
  pending_active_hc: 1 << 6,
  excluded_via_immediate_hc_fail: 1 << 7,
  active_hc_timeout: 1 << 8,
  eds_status_draining: 1 << 9,
} as const;

export type HealthFlag = keyof typeof healthFlag;
export type Health = 'healthy' | 'degraded' | 'unhealthy';

const unhealthy =
  healthFlag.failed_active_hc |
  healthFlag.failed_outlier_check |
  healthFlag.failed_eds_health |
  healthFlag.eds_status_draining;
const degraded = healthFlag.degraded_active_hc | healthFlag.degraded_eds_health;

const excluded =
  healthFlag.pending_active_hc | healthFlag.excluded_via_immediate_hc_fail | healthFlag.eds_status_draining;

/** Whether a host with these flags is left out where it is asked how many of its cluster's hosts can be used. */
export const isExcluded = (flags: number): boolean => (flags & excluded) !== 0;

/** What flags together mean for the choice of a host. */
export function healthOf(flags: number): Health {
  if ((flags & unhealthy) !== 0) return 'unhealthy';
  return (flags & degraded) !== 0 ? 'degraded' : 'healthy';
}

/** As `/clusters` tells it: `healthy`, or `/failed_active_hc/…`. */
export function describeHealth(flags: number): string {
  const set = Object.entries(healthFlag).filter(([, bit]) => (flags & bit) !== 0);
  return set.length === 0 ? 'healthy' : set.map(([name]) => `/${name}`).join('');
}
