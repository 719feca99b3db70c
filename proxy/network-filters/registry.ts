/** The filters on connections that there are, and how chains of them are compiled. Those that take connections are no filters here. */
import type { Filter } from '../api/envoy/config/listener/v3/listener_components_pb.js';
import type { UnpackedAny } from '../configuration/typed-config.ts';
import { connectionLimit } from './connection-limit.ts';
import { extAuthz } from './ext-authz.ts';
import { localRateLimit } from './local-rate-limit.ts';
import type { NetworkFilterContext, NetworkFilterFactory, NetworkFilterType } from './network-filter.ts';
import { rateLimit } from './rate-limit.ts';
import { rbac } from './rbac.ts';
import { setFilterState } from './set-filter-state.ts';
import { sniCluster } from './sni-cluster.ts';

/** One line for each. */
const filterTypes: readonly NetworkFilterType[] = [
  connectionLimit,
  extAuthz,
  localRateLimit,
  rateLimit,
  rbac,
  setFilterState,
  sniCluster,
];

/** The filters before the one that takes the connection, in the order of the configuration. */
export function compileNetworkFilters(
  filters: readonly Filter[],
  context: NetworkFilterContext,
): NetworkFilterFactory[] {
  return filters.map(({ name, configType }) => {
    const message = configType.case === 'typedConfig' ? (configType.value as UnpackedAny).message : undefined;
    const type = filterTypes.find(one => one.typeName === message?.$typeName);
    if (type === undefined || message === undefined) throw new Error(`'${name}' is no filter for connections`);
    return type.compile(message, context);
  });
}
