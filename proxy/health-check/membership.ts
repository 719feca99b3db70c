/** Who belongs to a cluster whose hosts are looked at. */
import type { Host } from '../cluster/host.ts';

export interface MembershipRules {
  /** Whether hosts come and go. */
  dynamic: boolean;
  /** Who is named no more goes at once, however well. */
  ignoresHealthOnRemoval: boolean;
  /** Who was never looked at does not count where it is asked how many hosts can be used. */
  excludesUnchecked: boolean;
}

/**
 * The members after an update: new hosts have to pass a check first; those that are named no more stay as long as they are well, and may come back
 * meanwhile, then as what they were.
 *
 * @param before the members so far
 * @param found the hosts that are named now
 */
export function checkedMembers(
  before: readonly Host[],
  found: readonly Host[],
  rules: MembershipRules,
): readonly Host[] {
  const known = new Map(rules.dynamic ? before.map(host => [host.place, host]) : []);
  const hosts = found.map(host => {
    const same = known.get(host.place);
    same?.adopt(host);
    return same ?? host;
  });
  for (const host of hosts) {
    if (known.has(host.place) || host.check.disabled) continue;
    host.flag('failed_active_hc', true);
    host.flag('pending_active_hc', rules.dynamic && rules.excludesUnchecked);
  }
  if (!rules.dynamic || rules.ignoresHealthOnRemoval) return hosts;
  const named = new Set(hosts);
  const staying = before.filter(host => !named.has(host) && !host.has('failed_active_hc') && !host.check.disabled);
  for (const host of staying) host.flag('pending_dynamic_removal', true);
  return [...hosts, ...staying];
}
