/** What is refused of how clusters connect, in Envoy's words. */
import { isIP } from 'node:net';
import { at, list, type Part, type Refuse } from './parts.ts';

const several = 'Only two different IP version source addresses can be supported';
const fields = 'extra_source_addresses/additional_source_addresses';

/** @param general what the bootstrap says for clusters that say nothing of where connections come from */
export function checkConnections(cluster: Part, general: Part | undefined, refuse: Refuse): void {
  const bind = at(cluster, 'upstream_bind_config');
  if (bind !== undefined) checkBinding(`Cluster ${cluster.value.name}'s upstream binding config`, bind, refuse);
  else if (general !== undefined) checkBinding("Bootstrap's upstream binding config", general, refuse);
  for (const threshold of list(cluster, 'circuit_breakers', 'per_host_thresholds')) {
    const other = Object.keys(threshold.value).find(field => field !== 'priority' && field !== 'max_connections');
    if (other !== undefined) throw refuse('Unsupported field in per_host_thresholds', [...threshold.path, other]);
  }
}

function checkBinding(of: string, bind: Part, refuse: Refuse): void {
  const extra = list(bind, 'extra_source_addresses').flatMap(one => at(one, 'address') ?? []);
  const more = [...extra, ...list(bind, 'additional_source_addresses')];
  const first = at(bind, 'source_address');
  const wrong = (rule: string) => refuse(`${of} has ${rule}`, bind.path);
  if (more.length > 1) {
    const only = `Only one extra/additional source can be supported in BindConfig's ${fields} field`;
    throw wrong(`more than one extra/additional source addresses. ${only}`);
  }
  if (first === undefined) {
    const rule = 'Extra/additional addresses cannot be specified if source_address is not set.';
    if (more.length > 0) throw wrong(`extra/additional source addresses but no source_address. ${rule}`);
    return;
  }
  const [family, other] = [first, ...more].map(address => familyOf(address, refuse));
  if (family === other)
    throw wrong(`two same IP version source addresses. ${several} in BindConfig's source_address and ${fields} fields`);
}

function familyOf({ value, path }: Part, refuse: Refuse): number {
  const text = String(value.address);
  if (isIP(text) === 0) throw refuse(`malformed IP address: ${text}`, [...path, 'address']);
  return isIP(text);
}
