/** A running configuration as a bootstrap that needs nobody: what came by xDS stands in it as if it had been written there. */

type Json = string | number | boolean | null | Json[] | JsonObject;
type JsonObject = { [key: string]: Json };

interface Named {
  name?: string;
  cluster_name?: string;
}
/** What /config_dump?include_eds says, as far as it is read here. */
export interface ConfigDump {
  configs: {
    '@type': string;
    bootstrap?: JsonObject;
    dynamic_active_clusters?: { cluster?: JsonObject }[];
    dynamic_endpoint_configs?: { endpoint_config?: JsonObject & Named }[];
    dynamic_listeners?: { active_state?: { listener?: JsonObject } }[];
    dynamic_route_configs?: { route_config?: JsonObject & Named }[];
  }[];
}

/** The bootstrap that a proxy was started with. */
export const bootstrapOf = (dump: ConfigDump): JsonObject =>
  dump.configs.find(config => config['@type'].endsWith('BootstrapConfigDump'))?.bootstrap ?? {};

/**
 * The bootstrap with what the proxy works with now. Listeners that need a secret of the control plane's are left out: a proxy tells nobody its keys.
 */
export function frozen(dump: ConfigDump): JsonObject {
  const { dynamic_resources: dynamic, ...bootstrap } = bootstrapOf(dump);
  if (dynamic === undefined) return bootstrap;
  const { configs } = dump;
  const endpoints = byName(configs.flatMap(({ dynamic_endpoint_configs: list = [] }) => list.map(endpointsOf)));
  const routes = byName(configs.flatMap(({ dynamic_route_configs: list = [] }) => list.map(one => one.route_config)));
  const clusters = configs
    .flatMap(({ dynamic_active_clusters: list = [] }) => list)
    .flatMap(({ cluster }) => (cluster ? [settled(cluster, endpoints)] : []));
  const listeners = configs
    .flatMap(({ dynamic_listeners: list = [] }) => list)
    .flatMap(({ active_state: active }) =>
      active?.listener === undefined || needsSecret(active.listener) ? [] : [withRoutes(active.listener, routes)],
    );
  const own = (bootstrap.static_resources ?? {}) as Record<string, Json[] | undefined>;
  return {
    ...bootstrap,
    static_resources: {
      ...(own as JsonObject),
      clusters: [...(own.clusters ?? []), ...clusters],
      listeners: [...(own.listeners ?? []), ...listeners],
    },
  };
}

type Resources = ReadonlyMap<string, JsonObject>;

function byName(resources: ((JsonObject & Named) | undefined)[]): Resources {
  return new Map(resources.flatMap(one => (one ? [[one.cluster_name ?? one.name ?? '', withoutType(one)]] : [])));
}

function withoutType({ '@type': _, ...rest }: JsonObject): JsonObject {
  return rest;
}

/** Endpoints as they may be written: a weight of 0, which the dump tells where there is none, may not. */
function endpointsOf({ endpoint_config: told }: { endpoint_config?: JsonObject & Named }) {
  const localities = (told?.endpoints ?? []) as JsonObject[];
  return (
    told && {
      ...told,
      endpoints: localities.map(({ load_balancing_weight: weight, ...rest }) =>
        weight === 0 || weight === undefined ? rest : { ...rest, load_balancing_weight: weight },
      ),
    }
  );
}

/** A cluster whose endpoints stand in it. */
function settled(cluster: JsonObject, endpoints: Resources): JsonObject {
  const { eds_cluster_config: eds, ...rest } = withoutType(cluster);
  if (rest.type !== 'EDS') return withoutType(cluster);
  const name = String((eds as JsonObject | undefined)?.service_name ?? rest.name);
  return { ...rest, type: 'STATIC', load_assignment: endpoints.get(name) ?? { cluster_name: name } };
}

/** A listener whose routes stand in it. */
function withRoutes(listener: JsonObject, routes: Resources): JsonObject {
  const put = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(put);
    if (typeof value !== 'object' || value === null) return value;
    const { rds, ...rest } = value;
    const settledRest = Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, put(inner)]));
    if (rds === undefined) return settledRest;
    const name = String((rds as JsonObject).route_config_name);
    // A route that comes by xDS may name a cluster that is not there.
    return { ...settledRest, route_config: { validate_clusters: false, ...(routes.get(name) ?? { name }) } };
  };
  return put(withoutType(listener)) as JsonObject;
}

const needsSecret = (listener: JsonObject): boolean => /"[a-z_]*sds_secret_configs?":/.test(JSON.stringify(listener));
