/** Which fields of routes that come while the proxy runs, and of their scopes, this proxy obeys: see support.ts. */

const manager = 'envoy.extensions.filters.network.http_connection_manager.v3';

export const routeDiscoverySupport: Record<string, string> = {
  [`${manager}.ScopedRoutes`]: 'name scope_key_builder rds_config_source scoped_route_configurations_list scoped_rds',
  [`${manager}.ScopedRoutes.ScopeKeyBuilder`]: 'fragments',
  [`${manager}.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder`]: 'header_value_extractor',
  [`${manager}.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor`]:
    'name element_separator index element',
  [`${manager}.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor.KvElement`]: 'separator key',
  [`${manager}.ScopedRouteConfigurationsList`]: 'scoped_route_configurations',
  [`${manager}.ScopedRds`]: 'scoped_rds_config_source',
  'envoy.config.route.v3.ScopedRouteConfiguration': 'on_demand name route_configuration_name route_configuration key',
  'envoy.config.route.v3.Vhds': 'config_source',
  'envoy.extensions.filters.http.on_demand.v3.OnDemand': 'odcds',
  'envoy.extensions.filters.http.on_demand.v3.PerRouteConfig': 'odcds',
  'envoy.extensions.filters.http.on_demand.v3.OnDemandCds': 'source timeout',
  'envoy.config.route.v3.ScopedRouteConfiguration.Key': 'fragments',
  'envoy.config.route.v3.ScopedRouteConfiguration.Key.Fragment': 'string_key',
};
