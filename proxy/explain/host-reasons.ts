/** What is told of how a cluster chose a host. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { Decision } from './decision.ts';
import type { Explain } from './explain.ts';
import type { WrittenPart } from './written-part.ts';

/**
 * @param part the cluster as it is written
 * @param chosen the host that it came to
 */
export function balancerReason(part: WrittenPart | undefined, cluster: Cluster, { priority }: Host): Decision {
  const { hosts } = cluster;
  const policy = part?.at('load_balancing_policy') ?? part?.at('lb_policy');
  const name =
    typeof policy?.value === 'string' ? policy.value : policy === undefined ? 'ROUND_ROBIN' : 'stated policy';
  const healthy = hosts.filter(({ health }) => health === 'healthy').length;
  const panic = cluster.isInPanic(priority) ? '; fewer than healthy_panic_threshold, so all are chosen from' : '';
  const why = `${policy === undefined ? 'the default; ' : ''}of ${counted(hosts.length, 'host')}, ${healthy} healthy${panic}`;
  return { by: 'load balancer', name, why, origin: (policy ?? part)?.origin };
}

/**
 * A try at a host; what became of it is added to its words later.
 * @param count from 1
 */
export function tryReason(
  explain: Explain,
  part: WrittenPart | undefined,
  cluster: Cluster,
  host: Host,
  count: number,
): Decision {
  const where = [host.region, host.zone, host.subZone].filter(text => text !== '').join('/');
  const place = `priority ${host.priority}${where === '' ? '' : `, locality ${where}`}`;
  const why = `the load balancer chose it: ${place}, ${host.health}`;
  const origin = (explain.endpoint(part, cluster, host) ?? part)?.origin;
  return { by: 'try', name: `${count}: ${host.name}`, why, origin };
}

/** The thresholds of a cluster's breakers for a priority. */
export function thresholdsOf(part: WrittenPart | undefined, priority: 'DEFAULT' | 'HIGH'): WrittenPart | undefined {
  const all = part?.items('circuit_breakers', 'thresholds');
  return all?.find(one => (one.text('priority') || 'DEFAULT') === priority);
}

/** The policy by which a filter denied access, as its details tell. */
export function policyOf(filter: WrittenPart, details: string): WrittenPart | undefined {
  const [, policy = ''] = /^rbac_access_denied_matched_policy\[(.*)\]$/.exec(details) ?? [];
  return filter.at('typed_config', 'rules', 'policies', policy);
}

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** Milliseconds as people read them. */
export const roughly = (milliseconds: number): string => `${Math.round(milliseconds * 10) / 10} ms`;
