/**
 * Which fields of Envoy's API this proxy obeys. A field that Envoy knows and that stands in neither table is refused by its path:
 * nothing is silently ignored.
 */

/** By message: the fields that are obeyed; `field=A|B` where only some values of an enum are. */
export const obeyed: Record<string, string> = {
  // Bootstrap and runtime
  'envoy.config.bootstrap.v3.Bootstrap':
    'node static_resources dynamic_resources admin stats_flush_interval stats_flush_on_admin layered_runtime',
  'envoy.config.bootstrap.v3.Bootstrap.StaticResources': 'listeners clusters',
  'envoy.config.bootstrap.v3.Bootstrap.DynamicResources': 'cds_config',
  'envoy.config.core.v3.ConfigSource': 'path path_config_source',
  'envoy.config.core.v3.PathConfigSource': 'path watched_directory',
  'envoy.config.core.v3.WatchedDirectory': 'path',
  'envoy.config.bootstrap.v3.Admin': 'address access_log',
  'envoy.config.bootstrap.v3.LayeredRuntime': 'layers',
  'envoy.config.bootstrap.v3.RuntimeLayer': 'name static_layer admin_layer',
  'envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer': '',
  // Node: reported, not acted upon
  'envoy.config.core.v3.Node':
    'id cluster metadata locality user_agent_name user_agent_version user_agent_build_version extensions client_features',
  'envoy.config.core.v3.Locality': 'region zone sub_zone',
  'envoy.config.core.v3.BuildVersion': 'version metadata',
  'envoy.type.v3.SemanticVersion': 'major_number minor_number patch',
  'envoy.config.core.v3.Extension': 'name category type_descriptor version disabled type_urls',
  'envoy.config.core.v3.Metadata': 'filter_metadata',
  // Addresses
  'envoy.config.core.v3.Address': 'socket_address',
  'envoy.config.core.v3.SocketAddress': 'protocol=TCP address port_value',
  // Listener
  'envoy.config.listener.v3.Listener':
    'name address stat_prefix filter_chains default_filter_chain per_connection_buffer_limit_bytes tcp_backlog_size listener_filters listener_filters_timeout continue_on_listener_filters_timeout',
  'envoy.config.listener.v3.FilterChain':
    'name filter_chain_match filters transport_socket transport_socket_connect_timeout',
  'envoy.config.listener.v3.FilterChainMatch':
    'destination_port prefix_ranges direct_source_prefix_ranges source_type source_prefix_ranges source_ports server_names application_protocols transport_protocol=raw_buffer|tls',
  'envoy.config.listener.v3.Filter': 'name typed_config',
  'envoy.config.listener.v3.ListenerFilter': 'name typed_config',
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector': '',
  'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector': '',
  'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol':
    'allow_requests_without_proxy_protocol disallowed_versions stat_prefix',
  // TLS
  'envoy.config.core.v3.TransportSocket': 'name typed_config',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': 'common_tls_context require_client_certificate',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': 'common_tls_context sni max_session_keys',
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext':
    'tls_params tls_certificates tls_certificate_sds_secret_configs validation_context validation_context_sds_secret_config combined_validation_context alpn_protocols',
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext':
    'default_validation_context validation_context_sds_secret_config',
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': 'name sds_config',
  'envoy.extensions.transport_sockets.tls.v3.Secret': 'name tls_certificate validation_context',
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters':
    'tls_minimum_protocol_version=TLS_AUTO|TLSv1_2|TLSv1_3 tls_maximum_protocol_version=TLS_AUTO|TLSv1_2|TLSv1_3 cipher_suites ecdh_curves',
  'envoy.extensions.transport_sockets.tls.v3.TlsCertificate':
    'certificate_chain private_key password watched_directory',
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext':
    'trusted_ca watched_directory verify_certificate_spki verify_certificate_hash match_typed_subject_alt_names match_subject_alt_names crl trust_chain_verification',
  'envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher': 'san_type=EMAIL|DNS|URI|IP_ADDRESS matcher',
  // TCP proxy
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy':
    'stat_prefix cluster weighted_clusters idle_timeout access_log max_connect_attempts max_downstream_connection_duration',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster': 'clusters',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight': 'name weight',
  // HTTP connection manager
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager':
    'codec_type=AUTO|HTTP1 stat_prefix route_config rds http_filters access_log server_name server_header_transformation=OVERWRITE|APPEND_IF_ABSENT|PASS_THROUGH use_remote_address xff_num_trusted_hops generate_request_id preserve_external_request_id always_set_request_id_in_response stream_idle_timeout request_timeout delayed_close_timeout max_request_headers_kb common_http_protocol_options normalize_path merge_slashes skip_xff_append via forward_client_cert_details set_current_client_cert_details add_user_agent internal_address_config strip_any_host_port',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails':
    'subject cert chain dns uri',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig':
    'cidr_ranges',
  'envoy.config.core.v3.CidrRange': 'address_prefix prefix_len',
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds': 'config_source route_config_name',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': 'name typed_config disabled',
  'envoy.config.core.v3.Http1ProtocolOptions': '',
  'envoy.config.core.v3.HttpProtocolOptions':
    'idle_timeout max_headers_count max_connection_duration max_requests_per_connection',
  'envoy.extensions.filters.http.router.v3.Router': 'suppress_envoy_headers',
  'envoy.extensions.filters.http.buffer.v3.Buffer': 'max_request_bytes',
  'envoy.extensions.filters.http.buffer.v3.BufferPerRoute': 'disabled buffer',
  'envoy.extensions.filters.http.cors.v3.Cors': '',
  'envoy.extensions.filters.http.cors.v3.CorsPolicy':
    'allow_origin_string_match allow_methods allow_headers expose_headers max_age allow_credentials filter_enabled shadow_enabled allow_private_network_access forward_not_matching_preflights',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz':
    'http_service failure_mode_allow failure_mode_allow_header_add with_request_body clear_route_cache status_on_error filter_enabled deny_at_disable stat_prefix allowed_headers disallowed_headers charge_cluster_response_stats',
  'envoy.extensions.filters.http.ext_authz.v3.BufferSettings': 'max_request_bytes',
  'envoy.extensions.filters.http.ext_authz.v3.HttpService':
    'server_uri path_prefix authorization_request authorization_response',
  'envoy.extensions.filters.http.ext_authz.v3.AuthorizationRequest': 'headers_to_add',
  'envoy.extensions.filters.http.ext_authz.v3.AuthorizationResponse':
    'allowed_upstream_headers allowed_upstream_headers_to_append allowed_client_headers allowed_client_headers_on_success',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute': 'disabled check_settings',
  'envoy.extensions.filters.http.ext_authz.v3.CheckSettings': 'disable_request_body_buffering with_request_body',
  'envoy.config.core.v3.RuntimeFeatureFlag': 'default_value runtime_key',
  'envoy.type.matcher.v3.ListStringMatcher': 'patterns',
  'envoy.extensions.filters.http.fault.v3.HTTPFault':
    'delay abort upstream_cluster headers downstream_nodes max_active_faults response_rate_limit delay_percent_runtime abort_percent_runtime delay_duration_runtime abort_http_status_runtime max_active_faults_runtime response_rate_limit_percent_runtime abort_grpc_status_runtime',
  'envoy.extensions.filters.http.fault.v3.FaultAbort': 'http_status grpc_status header_abort percentage',
  'envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort': '',
  'envoy.extensions.filters.common.fault.v3.FaultDelay': 'fixed_delay header_delay percentage',
  'envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay': '',
  'envoy.extensions.filters.common.fault.v3.FaultRateLimit': 'fixed_limit header_limit percentage',
  'envoy.extensions.filters.common.fault.v3.FaultRateLimit.FixedLimit': 'limit_kbps',
  'envoy.extensions.filters.common.fault.v3.FaultRateLimit.HeaderLimit': '',
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation': 'mutations most_specific_header_mutations_wins',
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute': 'mutations',
  'envoy.extensions.filters.http.header_mutation.v3.Mutations': 'request_mutations response_mutations',
  'envoy.config.common.mutation_rules.v3.HeaderMutation': 'remove append',
  'envoy.extensions.filters.http.health_check.v3.HealthCheck':
    'pass_through_mode cache_time cluster_min_healthy_percentages headers',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication':
    'providers rules bypass_cors_preflight requirement_map strip_failure_response',
  'envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig': 'disabled requirement_name',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtProvider':
    'issuer audiences subjects require_expiration max_lifetime remote_jwks local_jwks forward from_headers from_params from_cookies forward_payload_header pad_forward_payload_header clock_skew_seconds jwt_cache_config claim_to_headers clear_route_cache',
  'envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks': 'http_uri cache_duration',
  'envoy.config.core.v3.HttpUri': 'uri cluster timeout',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtHeader': 'name value_prefix',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtClaimToHeader': 'header_name claim_name',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtCacheConfig': 'jwt_cache_size',
  'envoy.extensions.filters.http.jwt_authn.v3.RequirementRule': 'match requires requirement_name',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement':
    'provider_name provider_and_audiences requires_any requires_all allow_missing_or_failed allow_missing',
  'envoy.extensions.filters.http.jwt_authn.v3.ProviderWithAudiences': 'provider_name audiences',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList': 'requirements',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList': 'requirements',
  'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit':
    'stat_prefix status token_bucket filter_enabled filter_enforced request_headers_to_add_when_not_enforced response_headers_to_add descriptors stage vh_rate_limits always_consume_default_token_bucket rate_limited_as_resource_exhausted',
  'envoy.extensions.filters.http.rbac.v3.RBAC': 'rules rules_stat_prefix shadow_rules shadow_rules_stat_prefix',
  'envoy.extensions.filters.http.rbac.v3.RBACPerRoute': 'rbac',
  'envoy.config.rbac.v3.RBAC': 'action policies',
  'envoy.config.rbac.v3.Policy': 'permissions principals',
  'envoy.config.rbac.v3.Permission':
    'and_rules or_rules any header url_path destination_ip destination_port destination_port_range requested_server_name not_rule',
  'envoy.config.rbac.v3.Permission.Set': 'rules',
  'envoy.config.rbac.v3.Principal':
    'and_ids or_ids any authenticated source_ip direct_remote_ip remote_ip header url_path not_id',
  'envoy.config.rbac.v3.Principal.Set': 'ids',
  'envoy.config.rbac.v3.Principal.Authenticated': 'principal_name',
  'envoy.type.matcher.v3.PathMatcher': 'path',
  'envoy.type.v3.Int32Range': 'start end',
  'envoy.type.v3.HttpStatus': 'code',
  'envoy.type.v3.TokenBucket': 'max_tokens tokens_per_fill fill_interval',
  'envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor': 'entries token_bucket',
  'envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry': 'key value',
  'envoy.config.route.v3.RateLimit': 'stage actions',
  'envoy.config.route.v3.RateLimit.Action':
    'source_cluster destination_cluster request_headers remote_address generic_key header_value_match masked_remote_address query_parameter_value_match',
  'envoy.config.route.v3.RateLimit.Action.SourceCluster': '',
  'envoy.config.route.v3.RateLimit.Action.DestinationCluster': '',
  'envoy.config.route.v3.RateLimit.Action.RequestHeaders': 'header_name descriptor_key skip_if_absent',
  'envoy.config.route.v3.RateLimit.Action.RemoteAddress': '',
  'envoy.config.route.v3.RateLimit.Action.MaskedRemoteAddress': 'v4_prefix_mask_len v6_prefix_mask_len',
  'envoy.config.route.v3.RateLimit.Action.GenericKey': 'descriptor_value descriptor_key',
  'envoy.config.route.v3.RateLimit.Action.HeaderValueMatch': 'descriptor_key descriptor_value expect_match headers',
  'envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch':
    'descriptor_key descriptor_value expect_match query_parameters',
  // Routes
  'envoy.config.route.v3.RouteConfiguration':
    'name virtual_hosts request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove validate_clusters typed_per_filter_config',
  'envoy.config.route.v3.VirtualHost':
    'name domains routes require_tls request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove retry_policy include_request_attempt_count include_attempt_count_in_response request_mirror_policies typed_per_filter_config rate_limits',
  'envoy.config.route.v3.Route':
    'name match route redirect direct_response request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config',
  'envoy.config.route.v3.RouteMatch':
    'prefix path safe_regex path_separated_prefix case_sensitive headers query_parameters runtime_fraction',
  'envoy.config.route.v3.HeaderMatcher':
    'name string_match present_match exact_match prefix_match suffix_match contains_match safe_regex_match range_match invert_match treat_missing_header_as_empty',
  'envoy.config.route.v3.QueryParameterMatcher': 'name string_match present_match',
  'envoy.type.matcher.v3.StringMatcher': 'exact prefix suffix contains safe_regex ignore_case',
  'envoy.type.matcher.v3.RegexMatcher': 'regex',
  'envoy.type.matcher.v3.RegexMatchAndSubstitute': 'pattern substitution',
  'envoy.config.route.v3.RouteAction.HashPolicy': 'header cookie query_parameter connection_properties terminal',
  'envoy.config.route.v3.RouteAction.HashPolicy.Header': 'header_name regex_rewrite',
  'envoy.config.route.v3.RouteAction.HashPolicy.Cookie': 'name ttl path attributes',
  'envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute': 'name value',
  'envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter': 'name',
  'envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties': 'source_ip',
  'envoy.config.route.v3.RouteAction':
    'cluster cluster_header weighted_clusters metadata_match hash_policy cluster_not_found_response_code prefix_rewrite regex_rewrite host_rewrite_literal host_rewrite_header host_rewrite_path_regex request_mirror_policies rate_limits include_vh_rate_limits timeout idle_timeout retry_policy priority append_x_forwarded_host',
  'envoy.config.route.v3.WeightedCluster': 'clusters runtime_key_prefix header_name',
  'envoy.config.route.v3.WeightedCluster.ClusterWeight':
    'name cluster_header weight metadata_match request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config host_rewrite_literal',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy':
    'cluster cluster_header runtime_fraction disable_shadow_host_suffix_append',
  'envoy.config.core.v3.RuntimeFractionalPercent': 'default_value runtime_key',
  'envoy.type.v3.FractionalPercent': 'numerator denominator',
  'envoy.config.route.v3.FilterConfig': 'config disabled',
  'envoy.config.route.v3.RetryPolicy':
    'retry_on num_retries per_try_timeout retriable_status_codes retriable_headers retriable_request_headers retry_back_off retry_host_predicate host_selection_retry_max_attempts',
  'envoy.config.route.v3.RetryPolicy.RetryBackOff': 'base_interval max_interval',
  'envoy.config.route.v3.RetryPolicy.RetryHostPredicate': 'name typed_config',
  'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate': '',
  'envoy.config.route.v3.RedirectAction':
    'https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite regex_rewrite response_code strip_query',
  'envoy.config.route.v3.DirectResponseAction': 'status body',
  'envoy.config.core.v3.DataSource': 'inline_string inline_bytes filename',
  'envoy.config.core.v3.HeaderValueOption': 'header append append_action keep_empty_value',
  'envoy.config.core.v3.HeaderValue': 'key value',
  // Clusters
  'envoy.config.cluster.v3.Cluster':
    'name type=STATIC|STRICT_DNS|LOGICAL_DNS|EDS eds_cluster_config connect_timeout lb_policy=ROUND_ROBIN|LEAST_REQUEST|RANDOM|RING_HASH|MAGLEV load_assignment circuit_breakers dns_refresh_rate dns_lookup_family alt_stat_name track_timeout_budgets max_requests_per_connection common_http_protocol_options per_connection_buffer_limit_bytes typed_extension_protocol_options least_request_lb_config ring_hash_lb_config maglev_lb_config common_lb_config outlier_detection health_checks ignore_health_on_host_removal lb_subset_config transport_socket',
  'envoy.config.cluster.v3.Cluster.LbSubsetConfig':
    'fallback_policy default_subset subset_selectors panic_mode_any list_as_any metadata_fallback_policy',
  'envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector':
    'keys fallback_policy fallback_keys_subset single_host_per_subset',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig':
    'healthy_panic_threshold ignore_new_hosts_until_first_hc consistent_hashing_lb_config',
  'envoy.config.core.v3.HealthCheck':
    'timeout interval initial_jitter interval_jitter interval_jitter_percent unhealthy_threshold healthy_threshold reuse_connection http_health_check tcp_health_check no_traffic_interval no_traffic_healthy_interval unhealthy_interval unhealthy_edge_interval healthy_edge_interval',
  'envoy.config.core.v3.HealthCheck.HttpHealthCheck':
    'host path send receive response_buffer_size request_headers_to_add request_headers_to_remove expected_statuses retriable_statuses codec_client_type=HTTP1 service_name_matcher method',
  'envoy.config.core.v3.HealthCheck.TcpHealthCheck': 'send receive',
  'envoy.config.core.v3.HealthCheck.Payload': 'text binary',
  'envoy.type.v3.Int64Range': 'start end',
  'envoy.config.cluster.v3.OutlierDetection':
    'consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx enforcing_success_rate success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor consecutive_gateway_failure enforcing_consecutive_gateway_failure split_external_local_origin_errors consecutive_local_origin_failure enforcing_consecutive_local_origin_failure enforcing_local_origin_success_rate failure_percentage_threshold enforcing_failure_percentage enforcing_failure_percentage_local_origin failure_percentage_minimum_hosts failure_percentage_request_volume max_ejection_time max_ejection_time_jitter successful_active_health_check_uneject_host always_eject_one_host',
  'envoy.config.cluster.v3.Cluster.LeastRequestLbConfig': 'choice_count active_request_bias',
  'envoy.config.core.v3.RuntimeDouble': 'default_value runtime_key',
  'envoy.config.cluster.v3.Cluster.RingHashLbConfig': 'minimum_ring_size maximum_ring_size hash_function',
  'envoy.config.cluster.v3.Cluster.MaglevLbConfig': 'table_size',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig': 'use_hostname_for_hashing',
  'envoy.config.cluster.v3.Cluster.EdsClusterConfig': 'eds_config service_name',
  'envoy.config.cluster.v3.CircuitBreakers': 'thresholds',
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds':
    'priority max_connections max_pending_requests max_requests max_retries track_remaining retry_budget',
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget': 'budget_percent min_retry_concurrency',
  'envoy.type.v3.Percent': 'value',
  'envoy.config.endpoint.v3.ClusterLoadAssignment': 'cluster_name endpoints policy',
  'envoy.config.endpoint.v3.ClusterLoadAssignment.Policy': 'overprovisioning_factor weighted_priority_health',
  'envoy.config.endpoint.v3.LocalityLbEndpoints': 'locality lb_endpoints load_balancing_weight priority',
  'envoy.config.endpoint.v3.LbEndpoint': 'endpoint load_balancing_weight health_status metadata',
  'envoy.config.endpoint.v3.Endpoint': 'address hostname health_check_config',
  'envoy.config.endpoint.v3.Endpoint.HealthCheckConfig': 'port_value hostname address disable_active_health_check',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': 'common_http_protocol_options',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig': '',
  'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer': '',
  // Access log
  'envoy.config.accesslog.v3.AccessLog': 'name filter typed_config',
  'envoy.config.accesslog.v3.AccessLogFilter':
    'status_code_filter duration_filter not_health_check_filter and_filter or_filter header_filter response_flag_filter',
  'envoy.config.accesslog.v3.StatusCodeFilter': 'comparison',
  'envoy.config.accesslog.v3.DurationFilter': 'comparison',
  'envoy.config.accesslog.v3.NotHealthCheckFilter': '',
  'envoy.config.accesslog.v3.ComparisonFilter': 'op value',
  'envoy.config.accesslog.v3.AndFilter': 'filters',
  'envoy.config.accesslog.v3.OrFilter': 'filters',
  'envoy.config.accesslog.v3.HeaderFilter': 'header',
  'envoy.config.accesslog.v3.ResponseFlagFilter': 'flags',
  'envoy.config.core.v3.RuntimeUInt32': 'default_value',
  'envoy.extensions.access_loggers.file.v3.FileAccessLog': 'path format json_format typed_json_format log_format',
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': 'log_format',
  'envoy.extensions.access_loggers.stream.v3.StderrAccessLog': 'log_format',
  'envoy.config.core.v3.SubstitutionFormatString': 'text_format text_format_source json_format omit_empty_values',
  'envoy.config.core.v3.JsonFormatOptions': '',
};

/** Fields that change nothing here, whatever they say, each with the reason why it may be accepted. */
const harmless: Record<string, string> = {
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.initial_read_buffer_size':
    'how much is read at first; what is needed is read',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz.transport_api_version':
    'how a gRPC service is spoken to; one is refused',
  'envoy.extensions.filters.http.fault.v3.HTTPFault.disable_downstream_cluster_stats':
    'faults are not counted by downstream cluster',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.http_protocol_options':
    'an empty message: every field of it is refused',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.explicit_http_config':
    'asks for HTTP/1.1, which is all that is spoken; other protocols are refused',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig.http_protocol_options':
    'an empty message: every field of it is refused',
  'envoy.type.matcher.v3.RegexMatcher.google_re2': 'names the only engine that Envoy has',
  'envoy.config.core.v3.SubstitutionFormatString.json_format_options': 'properties are always sorted',
  'envoy.config.core.v3.JsonFormatOptions.sort_properties': 'properties are always sorted',
  'envoy.config.core.v3.RuntimeUInt32.runtime_key':
    'Envoy demands it; a runtime layer with that key is refused, so the default always holds',
  'envoy.config.bootstrap.v3.Admin.access_log_path': 'where the admin interface logs; it logs nothing',
  'envoy.config.bootstrap.v3.Admin.profile_path': 'where a CPU profile would be written; there is no profiler',
  'envoy.config.bootstrap.v3.Bootstrap.overload_manager':
    'resource monitors protect a long-lived Envoy; this one has fixed bounds',
  'envoy.config.listener.v3.Listener.enable_reuse_port': 'how the kernel spreads connections over workers',
  'envoy.config.listener.v3.Listener.reuse_port': 'how the kernel spreads connections over workers',
  'envoy.config.listener.v3.Listener.metadata': 'only read by extensions',
  'envoy.config.listener.v3.Listener.traffic_direction':
    'only names the direction, for tracing and for draining of inbound listeners',
  'envoy.config.listener.v3.FilterChain.metadata': 'only read by extensions',
  'envoy.config.cluster.v3.Cluster.metadata': 'only read by extensions',
  'envoy.config.core.v3.HealthCheck.always_log_health_check_failures': 'events are not logged; where to is refused',
  'envoy.config.core.v3.HealthCheck.always_log_health_check_success': 'events are not logged; where to is refused',
  'envoy.config.cluster.v3.Cluster.cleanup_interval': 'only for ORIGINAL_DST clusters',
  'envoy.config.core.v3.ConfigSource.resource_api_version': 'a file holds what it holds',
  'envoy.config.core.v3.ConfigSource.initial_fetch_timeout': 'a file is there, or the configuration is refused',
  'envoy.config.route.v3.Route.metadata': 'only read by extensions',
  'envoy.config.route.v3.Route.decorator': 'names spans; nothing is traced',
  'envoy.config.route.v3.VirtualHost.metadata': 'only read by extensions',
  'envoy.config.route.v3.RouteConfiguration.metadata': 'only read by extensions',
  'envoy.extensions.filters.http.router.v3.Router.dynamic_stats': 'statistics for each request are always on',
  'envoy.config.route.v3.WeightedCluster.total_weight': 'deprecated: the sum of the weights counts',
  'envoy.config.route.v3.FilterConfig.is_optional': 'an unknown filter is refused all the same',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy.trace_sampled': 'nothing is traced',
  'envoy.extensions.filters.http.router.v3.Router.start_child_span': 'nothing is traced',
};

const tables = new Map<string, ReadonlyMap<string, readonly string[] | undefined>>();

/** What is supported of one field: all of it, some values only, or nothing of it. */
export function supportOf(typeName: string, field: string): boolean | readonly string[] {
  if (`${typeName}.${field}` in harmless) return true;
  const fields = fieldsOf(typeName);
  return fields.has(field) ? (fields.get(field) ?? true) : false;
}

function fieldsOf(typeName: string): ReadonlyMap<string, readonly string[] | undefined> {
  const known = tables.get(typeName);
  if (known) return known;
  const words = (obeyed[typeName] ?? '').split(' ').filter(word => word !== '');
  const fields = new Map(words.map(word => [word.split('=')[0]!, word.split('=')[1]?.split('|')] as const));
  tables.set(typeName, fields);
  return fields;
}
