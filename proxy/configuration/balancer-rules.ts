/** What Envoy refuses of how hosts are chosen, in its words. */
import { at, list, type Part, type Refuse } from './parts.ts';

const policies = 'envoy.extensions.load_balancing_policies';
const partial = ['zone_aware_lb_config', 'locality_weighted_lb_config', 'consistent_hashing_lb_config'];

export function checkBalancer(cluster: Part, refuse: Refuse): void {
  checkRing(at(cluster, 'ring_hash_lb_config'), refuse);
  checkMaglev(at(cluster, 'maglev_lb_config'), refuse);
  const policy = at(cluster, 'load_balancing_policy');
  if (policy !== undefined) checkPolicy(cluster, policy, refuse);
  else if (cluster.value.lb_policy === 'LOAD_BALANCING_POLICY_CONFIG')
    throw refuse('cluster: field load_balancing_policy need to be set', [...cluster.path, 'lb_policy']);
}

function checkPolicy(cluster: Part, policy: Part, refuse: Refuse): void {
  const subsets = at(cluster, 'lb_subset_config');
  if (subsets !== undefined)
    throw refuse('cluster: load_balancing_policy cannot be combined with lb_subset_config', subsets.path);
  for (const field of partial) {
    const stated = at(cluster, 'common_lb_config', field);
    if (stated === undefined) continue;
    const rule = `cluster: load_balancing_policy cannot be combined with partial fields (${partial.join(', ')}) of common_lb_config`;
    throw refuse(rule, stated.path);
  }
  const [first] = list(policy, 'policies');
  const configuration = first && at(first, 'typed_extension_config', 'typed_config');
  if (configuration === undefined) {
    const name = String(cluster.value.name);
    const rule = `cluster: didn't find a registered load balancer factory implementation for cluster: '${name}' with names from []`;
    throw refuse(rule, policy.path);
  }
  const type = String(configuration.value['@type']);
  if (type.endsWith(`${policies}.ring_hash.v3.RingHash`)) checkRing(configuration, refuse);
  else if (type.endsWith(`${policies}.maglev.v3.Maglev`)) checkMaglev(configuration, refuse);
  else if (!type.includes(policies)) throw refuse(`'${type}' is no policy of load balancing`, configuration.path);
}

function checkRing(ring: Part | undefined, refuse: Refuse): void {
  const { minimum_ring_size: least = 1024, maximum_ring_size: most = 8 * 1024 * 1024 } = ring?.value ?? {};
  if (ring === undefined || Number(least) <= Number(most)) return;
  const rule = `ring hash: minimum_ring_size (${least}) > maximum_ring_size (${most})`;
  throw refuse(rule, [...ring.path, 'minimum_ring_size']);
}

function checkMaglev(maglev: Part | undefined, refuse: Refuse): void {
  if (maglev?.value.table_size === undefined || isPrime(Number(maglev.value.table_size))) return;
  throw refuse('The table size of maglev must be prime number', [...maglev.path, 'table_size']);
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number >= 2;
}

/** The cluster that the proxy belongs to has to be among those of its bootstrap. */
export function checkOwnCluster(bootstrap: Part, names: readonly string[], refuse: Refuse): void {
  const manager = at(bootstrap, 'cluster_manager');
  const name = String(manager?.value.local_cluster_name ?? '');
  if (manager !== undefined && name !== '' && !names.includes(name))
    throw refuse(`local cluster '${name}' must be defined`, [...manager.path, 'local_cluster_name']);
}
