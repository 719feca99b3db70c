/** Fields that change nothing here, whatever they say, each with the reason why it may be accepted. */
export const harmless: Record<string, string> = {
  'envoy.config.ratelimit.v3.RateLimitServiceConfig.transport_api_version': 'there is one version of the service',
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.initial_read_buffer_size':
    'how much is read at first; what is needed is read',
  'envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig.transport_api_version':
    'there is one version of the service',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz.transport_api_version': 'there is one version of the service',
  'envoy.extensions.filters.network.ext_authz.v3.ExtAuthz.transport_api_version': 'there is one version of the service',
  'envoy.extensions.filters.http.fault.v3.HTTPFault.disable_downstream_cluster_stats':
    'faults are not counted by downstream cluster',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.append_local_overload':
    'of answers of an overload manager; nothing presses here',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.is_optional':
    'an unknown filter is refused all the same',
  'envoy.config.core.v3.Http2ProtocolOptions.use_oghttp2_codec': 'there is one codec',
  'envoy.config.core.v3.Http1ProtocolOptions.use_balsa_parser': 'there is one parser',
  'envoy.config.core.v3.Http2ProtocolOptions.stream_error_on_invalid_http_messaging':
    'deprecated: override_stream_error_on_invalid_http_message decides',
  'xds.type.matcher.v3.RegexMatcher.google_re2': 'names the only engine that Envoy has',
  'xds.type.matcher.v3.CelMatcher.description': 'for people',
  'envoy.extensions.matching.input_matchers.ip.v3.Ip.stat_prefix':
    'of a counter of what is no address; inputs find addresses alone',
  'envoy.type.matcher.v3.RegexMatcher.google_re2': 'names the only engine that Envoy has',
  'envoy.config.core.v3.SubstitutionFormatString.json_format_options': 'properties are always sorted',
  'envoy.config.core.v3.JsonFormatOptions.sort_properties': 'properties are always sorted',
  'envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue.read_only':
    'Envoy only complains of who changes it, and lets it be changed',
  'envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue.shared_with_upstream':
    'no listener here takes connections from within, which it would be shared with',
  'envoy.config.core.v3.RuntimeUInt32.runtime_key':
    'Envoy demands it; a runtime layer with that key is refused, so the default always holds',
  'envoy.config.bootstrap.v3.Admin.access_log_path': 'where the admin interface logs; it logs nothing',
  'envoy.config.bootstrap.v3.Admin.profile_path': 'where a CPU profile would be written; there is no profiler',
  'envoy.config.overload.v3.OverloadManager.refresh_interval': 'connections are counted as they come and go',
  'envoy.config.overload.v3.OverloadManager.actions': 'nothing presses: memory has fixed bounds, and is not watched',
  'envoy.config.listener.v3.Listener.enable_reuse_port': 'how the kernel spreads connections over workers',
  'envoy.config.listener.v3.Listener.reuse_port': 'how the kernel spreads connections over workers',
  'envoy.config.listener.v3.Listener.connection_balance_config': 'how connections are spread over workers',
  'envoy.config.listener.v3.Listener.ConnectionBalanceConfig.exact_balance': 'how connections are spread over workers',
  'envoy.config.listener.v3.Listener.max_connections_to_accept_per_socket_event':
    'how many are taken between two looks at other work',
  'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig.udp_max_queries':
    'how many questions one socket carries',
  'envoy.config.core.v3.HealthCheck.always_log_health_check_failures': 'events are not logged; where to is refused',
  'envoy.config.core.v3.HealthCheck.always_log_health_check_success': 'events are not logged; where to is refused',
  'envoy.config.core.v3.ConfigSource.resource_api_version': 'resources of V3 are the only ones that there are',
  'envoy.config.route.v3.RouteConfiguration.metadata': 'only read by extensions',
  'envoy.extensions.filters.http.router.v3.Router.dynamic_stats': 'statistics for each request are always on',
  'envoy.config.route.v3.WeightedCluster.total_weight': 'deprecated: the sum of the weights counts',
  'envoy.config.route.v3.HedgePolicy.initial_requests': 'Envoy does nothing with it either',
  'envoy.config.route.v3.HedgePolicy.additional_request_chance': 'Envoy does nothing with it either',
  'envoy.config.route.v3.FilterConfig.is_optional': 'an unknown filter is refused all the same',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy.trace_sampled': 'copies are in no trace',
};
