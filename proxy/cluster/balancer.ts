/** Chooses a host among those of a cluster. A picker is an immutable snapshot of the hosts, made anew when they change. */
import type { Host } from './host.ts';

export type Picker = () => Host | undefined;
export type Policy = 'round-robin' | 'least-request' | 'random';

/** A picker over the hosts of the best priority that has any. */
export function makePicker(policy: Policy, hosts: readonly Host[], choiceCount = 2): Picker {
  const best = hosts.length === 0 ? 0 : Math.min(...hosts.map(host => host.priority));
  const usable = hosts.filter(host => host.priority === best);
  if (usable.length === 0) return () => undefined;
  if (usable.length === 1) return () => usable[0];
  if (policy === 'random') return () => usable[Math.floor(Math.random() * usable.length)];
  if (policy === 'least-request') return () => leastOf(usable, choiceCount);
  const weighted = usable.some(host => host.weight !== usable[0]!.weight);
  return weighted ? weightedRoundRobin(usable) : roundRobin(usable);
}

function roundRobin(hosts: readonly Host[]): Picker {
  let next = Math.floor(Math.random() * hosts.length);
  return () => {
    if (next >= hosts.length) next = 0;
    return hosts[next++];
  };
}

/** Smooth weighted round robin: each host gets its share, spread as evenly as can be. */
function weightedRoundRobin(hosts: readonly Host[]): Picker {
  const credit = hosts.map(() => 0);
  const total = hosts.reduce((sum, host) => sum + host.weight, 0);
  return () => {
    let best = 0;
    for (let i = 0; i < hosts.length; i++) {
      credit[i]! += hosts[i]!.weight;
      if (credit[i]! > credit[best]!) best = i;
    }
    credit[best]! -= total;
    return hosts[best];
  };
}

/** The host with the fewest active requests of some drawn at random. */
function leastOf(hosts: readonly Host[], choices: number): Host | undefined {
  let best: Host | undefined;
  for (let i = 0; i < choices; i++) {
    const host = hosts[Math.floor(Math.random() * hosts.length)]!;
    if (best === undefined || host.gauges.rq_active < best.gauges.rq_active) best = host;
  }
  return best;
}
