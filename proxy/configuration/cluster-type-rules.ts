/** What Envoy refuses of how the hosts of a cluster are found, in its words. */
import { at, type Part, type Refuse } from './parts.ts';

export function checkClusterType(cluster: Part, refuse: Refuse): void {
  const { type, lb_policy: policy = 'ROUND_ROBIN', name } = cluster.value;
  const subsets = at(cluster, 'lb_subset_config');
  const provided = policy === 'CLUSTER_PROVIDED';
  if (provided && subsets !== undefined)
    throw refuse('cluster: LB policy CLUSTER_PROVIDED cannot be combined with lb_subset_config', subsets.path);
  const custom = at(cluster, 'cluster_type');
  if (custom !== undefined) checkCustomType(cluster, custom, refuse);
  else if (type === 'EDS' && at(cluster, 'eds_cluster_config') === undefined)
    throw refuse('cannot create an EDS cluster without an EDS config', [...cluster.path, 'type']);
  else if (type === 'ORIGINAL_DST') checkOriginalDestinations(cluster, String(policy), refuse);
  else if (provided) {
    const rule = `cluster manager: cluster provided LB specified but cluster '${name}' did not provide one. Check cluster documentation.`;
    throw refuse(rule, [...cluster.path, 'lb_policy']);
  }
}

const aggregateType = 'envoy.extensions.clusters.aggregate.v3.ClusterConfig';

function checkCustomType(cluster: Part, custom: Part, refuse: Refuse): void {
  const configuration = at(custom, 'typed_config');
  const factory = "Didn't find a registered cluster factory implementation for";
  if (configuration === undefined) throw refuse(`${factory} name: '${custom.value.name}'`, custom.path);
  const type = String(configuration.value['@type']).replace(/^.*\//, '');
  if (type !== aggregateType) throw refuse(`${factory} type: '${type}'`, custom.path);
  if (cluster.value.lb_policy === 'CLUSTER_PROVIDED') return;
  const { name } = cluster.value;
  const rule = `cluster manager: cluster provided LB not specified but cluster '${name}' provided one. Check cluster documentation.`;
  throw refuse(rule, [...cluster.path, 'lb_policy']);
}

function checkOriginalDestinations(cluster: Part, policy: string, refuse: Refuse): void {
  if (policy !== 'CLUSTER_PROVIDED') {
    const allowed = "Only 'CLUSTER_PROVIDED' is allowed with cluster type 'ORIGINAL_DST'";
    const rule = `cluster: LB policy ${policy} is not valid for Cluster type ORIGINAL_DST. ${allowed}`;
    throw refuse(rule, [...cluster.path, 'lb_policy']);
  }
  const assignment = at(cluster, 'load_assignment');
  if (assignment !== undefined)
    throw refuse('ORIGINAL_DST clusters must have no load assignment configured', assignment.path);
  const rules = at(cluster, 'original_dst_lb_config');
  const { use_http_header: asks = false, http_header_name: header = '' } = rules?.value ?? {};
  if (rules === undefined || header === '' || asks === true) return;
  const rule = `ORIGINAL_DST cluster: invalid config http_header_name=${header} and use_http_header is false. Set use_http_header to true if http_header_name is desired.`;
  throw refuse(rule, [...rules.path, 'http_header_name']);
}
