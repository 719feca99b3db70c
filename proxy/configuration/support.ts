/**
 * Which fields of Envoy's API this proxy obeys. A field that Envoy knows and that stands in neither table is refused by its path:
 * nothing is silently ignored.
 */

import { connectionSupport } from './cluster-support.ts';
import { expressionSupport } from './expression-support.ts';
import { harmless } from './harmless.ts';
import { matchingSupport } from './matching-support.ts';
import { routeDiscoverySupport } from './route-discovery-support.ts';

/** By message: the fields that are obeyed; `field=A|B` where only some values of an enum are. */
export const obeyed: Record<string, string> = {
  ...connectionSupport,
  ...expressionSupport,
  ...matchingSupport,
  ...routeDiscoverySupport,
  // Bootstrap and runtime
  'envoy.config.bootstrap.v3.Bootstrap':
    'node static_resources dynamic_resources admin stats_flush_interval stats_flush_on_admin stats_sinks layered_runtime cluster_manager typed_dns_resolver_config dns_resolution_config use_tcp_for_dns_lookups=false overload_manager',
  'envoy.config.metrics.v3.StatsSink': 'name typed_config',
  'envoy.config.metrics.v3.StatsdSink': 'address tcp_cluster_name prefix',
  'envoy.config.metrics.v3.DogStatsdSink': 'address prefix max_bytes_per_datagram',
  'envoy.config.bootstrap.v3.ClusterManager': 'local_cluster_name upstream_bind_config',
  'envoy.config.bootstrap.v3.Bootstrap.StaticResources': 'listeners clusters',
  'envoy.config.bootstrap.v3.Bootstrap.DynamicResources': 'lds_config cds_config ads_config',
  'envoy.config.core.v3.ConfigSource': 'path path_config_source api_config_source ads initial_fetch_timeout',
  'envoy.config.core.v3.ApiConfigSource':
    'api_type=GRPC|DELTA_GRPC|REST transport_api_version=V3 grpc_services cluster_names refresh_delay request_timeout set_node_on_first_message_only',
  'envoy.config.core.v3.AggregatedConfigSource': '',
  'envoy.config.core.v3.GrpcService': 'envoy_grpc initial_metadata timeout',
  'envoy.config.core.v3.GrpcService.EnvoyGrpc': 'cluster_name authority max_receive_message_length',
  'envoy.config.core.v3.PathConfigSource': 'path watched_directory',
  'envoy.config.core.v3.WatchedDirectory': 'path',
  'envoy.config.bootstrap.v3.Admin': 'address access_log',
  'envoy.config.bootstrap.v3.LayeredRuntime': 'layers',
  'envoy.config.bootstrap.v3.RuntimeLayer': 'name static_layer admin_layer rtds_layer',
  'envoy.config.bootstrap.v3.RuntimeLayer.RtdsLayer': 'name rtds_config',
  'envoy.service.runtime.v3.Runtime': 'name layer',
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
  'envoy.config.core.v3.Address': 'socket_address pipe',
  'envoy.config.core.v3.Pipe': 'path mode',
  'envoy.config.core.v3.SocketAddress': 'protocol=TCP|UDP address port_value ipv4_compat',
  // Listener
  'envoy.config.listener.v3.Listener':
    'name address additional_addresses stat_prefix traffic_direction filter_chains default_filter_chain per_connection_buffer_limit_bytes tcp_backlog_size bind_to_port deprecated_v1 use_original_dst drain_type enable_mptcp=false listener_filters listener_filters_timeout continue_on_listener_filters_timeout metadata filter_chain_matcher transparent freebind tcp_fast_open_queue_length socket_options access_log ignore_global_conn_limit bypass_overload_manager',
  'envoy.config.listener.v3.AdditionalAddress': 'address socket_options',
  'envoy.config.core.v3.SocketOptionsOverride': 'socket_options',
  'envoy.config.listener.v3.FilterChain':
    'name filter_chain_match filters transport_socket transport_socket_connect_timeout metadata',
  'envoy.config.listener.v3.FilterChainMatch':
    'destination_port prefix_ranges direct_source_prefix_ranges source_type source_prefix_ranges source_ports server_names application_protocols transport_protocol=raw_buffer|tls',
  'envoy.config.listener.v3.Filter': 'name typed_config',
  'envoy.config.listener.v3.ListenerFilter': 'name typed_config filter_disabled',
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector':
    'enable_ja3_fingerprinting enable_ja4_fingerprinting',
  'envoy.config.listener.v3.ListenerFilterChainMatchPredicate':
    'or_match and_match not_match any_match destination_port_range',
  'envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet': 'rules',
  'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector': '',
  'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol':
    'allow_requests_without_proxy_protocol disallowed_versions stat_prefix',
  // TLS
  'envoy.config.core.v3.TransportSocket': 'name typed_config',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext':
    'common_tls_context require_client_certificate ocsp_staple_policy full_scan_certs_on_sni_mismatch session_timeout disable_stateless_session_resumption disable_stateful_session_resumption session_ticket_keys prefer_client_ciphers',
  'envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys': 'keys',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext':
    'common_tls_context sni max_session_keys auto_host_sni auto_sni_san_validation',
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext':
    'tls_params tls_certificates tls_certificate_sds_secret_configs validation_context validation_context_sds_secret_config combined_validation_context alpn_protocols key_log',
  'envoy.extensions.transport_sockets.tls.v3.TlsKeyLog': 'path local_address_range remote_address_range',
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext':
    'default_validation_context validation_context_sds_secret_config',
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': 'name sds_config',
  'envoy.extensions.transport_sockets.tls.v3.Secret': 'name tls_certificate validation_context',
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters':
    'tls_minimum_protocol_version=TLS_AUTO|TLSv1_2|TLSv1_3 tls_maximum_protocol_version=TLS_AUTO|TLSv1_2|TLSv1_3 cipher_suites ecdh_curves signature_algorithms',
  'envoy.extensions.transport_sockets.tls.v3.TlsCertificate':
    'certificate_chain private_key password watched_directory ocsp_staple',
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext':
    'trusted_ca watched_directory verify_certificate_spki verify_certificate_hash match_typed_subject_alt_names match_subject_alt_names crl allow_expired_certificate trust_chain_verification max_verify_depth',
  'envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher':
    'san_type=EMAIL|DNS|URI|IP_ADDRESS|OTHER_NAME matcher oid',
  // TCP proxy
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy':
    'stat_prefix cluster weighted_clusters idle_timeout access_log max_connect_attempts max_downstream_connection_duration access_log_options access_log_flush_interval flush_access_log_on_connected',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions':
    'access_log_flush_interval flush_access_log_on_connected',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster': 'clusters',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight': 'name weight',
  // Filters on connections
  'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit':
    'stat_prefix max_connections delay runtime_enabled',
  'envoy.extensions.filters.network.ext_authz.v3.ExtAuthz':
    'stat_prefix grpc_service failure_mode_allow include_peer_certificate include_tls_session filter_enabled_metadata',
  'envoy.extensions.filters.network.ratelimit.v3.RateLimit':
    'stat_prefix domain descriptors timeout failure_mode_deny rate_limit_service',
  'envoy.extensions.common.ratelimit.v3.RateLimitDescriptor': 'entries',
  'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit': 'stat_prefix token_bucket runtime_enabled',
  'envoy.extensions.filters.network.rbac.v3.RBAC':
    'rules shadow_rules shadow_rules_stat_prefix stat_prefix enforcement_type matcher shadow_matcher',
  'envoy.extensions.filters.network.direct_response.v3.Config': 'response',
  'envoy.extensions.filters.network.echo.v3.Echo': '',
  // HTTP connection manager
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager':
    'codec_type=AUTO|HTTP1|HTTP2 http_protocol_options http2_protocol_options stream_error_on_invalid_http_message stat_prefix route_config rds scoped_routes request_id_extension proxy_100_continue http_filters access_log server_name server_header_transformation=OVERWRITE|APPEND_IF_ABSENT|PASS_THROUGH use_remote_address xff_num_trusted_hops generate_request_id preserve_external_request_id always_set_request_id_in_response stream_idle_timeout request_timeout request_headers_timeout drain_timeout delayed_close_timeout max_request_headers_kb common_http_protocol_options normalize_path merge_slashes skip_xff_append append_x_forwarded_port scheme_header_transformation via forward_client_cert_details set_current_client_cert_details add_user_agent internal_address_config strip_any_host_port strip_matching_host_port strip_trailing_host_dot path_with_escaped_slashes_action upgrade_configs tracing local_reply_config access_log_options access_log_flush_interval flush_access_log_on_new_request',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions':
    'access_log_flush_interval flush_access_log_on_new_request flush_log_on_tunnel_successfully_established',
  'envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension': 'typed_config',
  'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig': 'pack_trace_reason use_request_id_for_trace_sampling',
  'envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig': 'mappers body_format',
  'envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper':
    'filter status_code body body_format_override headers_to_add',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig':
    'upgrade_type enabled filters',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing':
    'client_sampling random_sampling overall_sampling verbose max_path_tag_length custom_tags provider spawn_upstream_span',
  'envoy.config.trace.v3.Tracing.Http': 'name typed_config',
  'envoy.config.trace.v3.ZipkinConfig':
    'collector_cluster collector_endpoint trace_id_128bit shared_span_context collector_endpoint_version=HTTP_JSON collector_hostname',
  'envoy.config.trace.v3.OpenTelemetryConfig': 'http_service service_name grpc_service resource_detectors sampler',
  'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig': 'attributes',
  'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.EnvironmentResourceDetectorConfig': '',
  'envoy.extensions.tracers.opentelemetry.samplers.v3.AlwaysOnSamplerConfig': '',
  'envoy.config.core.v3.HttpService': 'http_uri request_headers_to_add',
  'envoy.type.tracing.v3.CustomTag': 'tag literal environment request_header metadata',
  'envoy.type.tracing.v3.CustomTag.Metadata': 'kind metadata_key default_value',
  'envoy.type.metadata.v3.MetadataKey': 'key path',
  'envoy.type.metadata.v3.MetadataKey.PathSegment': 'key',
  'envoy.type.metadata.v3.MetadataKind': 'request route cluster host',
  'envoy.type.metadata.v3.MetadataKind.Request': '',
  'envoy.type.metadata.v3.MetadataKind.Route': '',
  'envoy.type.metadata.v3.MetadataKind.Cluster': '',
  'envoy.type.metadata.v3.MetadataKind.Host': '',
  'envoy.type.tracing.v3.CustomTag.Literal': 'value',
  'envoy.type.tracing.v3.CustomTag.Environment': 'name default_value',
  'envoy.type.tracing.v3.CustomTag.Header': 'name default_value',
  'envoy.config.route.v3.Tracing': 'client_sampling random_sampling overall_sampling custom_tags',
  'envoy.config.route.v3.Decorator': 'operation propagate',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails':
    'subject cert chain dns uri',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig':
    'unix_sockets cidr_ranges',
  'envoy.config.core.v3.CidrRange': 'address_prefix prefix_len',
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds': 'config_source route_config_name',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': 'name typed_config disabled',
  'envoy.config.core.v3.Http1ProtocolOptions':
    'accept_http_10 default_host_for_http_10 allow_absolute_url enable_trailers header_key_format override_stream_error_on_invalid_http_message send_fully_qualified_url allow_custom_methods allow_chunked_length',
  'envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat': 'proper_case_words stateful_formatter',
  'envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords': '',
  'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig':
    'forward_reason_phrase formatter_type_on_envoy_headers',
  'envoy.config.core.v3.Http2ProtocolOptions':
    'allow_connect hpack_table_size max_concurrent_streams initial_stream_window_size initial_connection_window_size max_outbound_frames max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload max_inbound_priority_frames_per_stream max_inbound_window_update_frames_per_data_frame_sent override_stream_error_on_invalid_http_message connection_keepalive',
  'envoy.config.core.v3.SchemeHeaderTransformation': 'scheme_to_overwrite',
  'envoy.config.core.v3.KeepaliveSettings': 'interval interval_jitter timeout',
  'envoy.config.core.v3.HttpProtocolOptions':
    'idle_timeout max_headers_count max_connection_duration max_requests_per_connection max_stream_duration headers_with_underscores_action',
  'envoy.extensions.filters.http.router.v3.Router': 'suppress_envoy_headers',
  'envoy.extensions.filters.http.admission_control.v3.AdmissionControl':
    'enabled success_criteria sampling_window aggression sr_threshold rps_threshold max_rejection_probability',
  'envoy.extensions.filters.http.admission_control.v3.AdmissionControl.SuccessCriteria': 'http_criteria grpc_criteria',
  'envoy.extensions.filters.http.admission_control.v3.AdmissionControl.SuccessCriteria.HttpCriteria':
    'http_success_status',
  'envoy.extensions.filters.http.admission_control.v3.AdmissionControl.SuccessCriteria.GrpcCriteria':
    'grpc_success_status',
  'envoy.config.core.v3.RuntimePercent': 'default_value runtime_key',
  'envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit':
    'stat_prefix enable_mode limit_kbps fill_interval runtime_enabled enable_response_trailers response_trailer_prefix',
  'envoy.extensions.filters.http.buffer.v3.Buffer': 'max_request_bytes',
  'envoy.extensions.filters.http.buffer.v3.BufferPerRoute': 'disabled buffer',
  'envoy.extensions.filters.http.compressor.v3.Compressor':
    'content_length content_type disable_on_etag_header remove_accept_encoding_header runtime_enabled compressor_library request_direction_config response_direction_config choose_first',
  'envoy.extensions.filters.http.compressor.v3.Compressor.CommonDirectionConfig':
    'enabled min_content_length content_type',
  'envoy.extensions.filters.http.compressor.v3.Compressor.RequestDirectionConfig': 'common_config',
  'envoy.extensions.filters.http.compressor.v3.Compressor.ResponseDirectionConfig':
    'common_config disable_on_etag_header remove_accept_encoding_header',
  'envoy.extensions.filters.http.compressor.v3.CompressorPerRoute': 'disabled overrides',
  'envoy.extensions.filters.http.compressor.v3.CompressorOverrides': 'response_direction_config',
  'envoy.extensions.filters.http.compressor.v3.ResponseDirectionOverrides': 'remove_accept_encoding_header',
  'envoy.extensions.compression.gzip.compressor.v3.Gzip':
    'memory_level compression_level compression_strategy window_bits chunk_size',
  'envoy.extensions.compression.brotli.compressor.v3.Brotli':
    'quality encoder_mode window_bits input_block_bits chunk_size disable_literal_context_modeling',
  'envoy.extensions.compression.zstd.compressor.v3.Zstd': 'compression_level enable_checksum strategy chunk_size',
  'envoy.extensions.filters.http.decompressor.v3.Decompressor':
    'decompressor_library request_direction_config response_direction_config',
  'envoy.extensions.filters.http.decompressor.v3.Decompressor.CommonDirectionConfig':
    'enabled ignore_no_transform_header',
  'envoy.extensions.filters.http.decompressor.v3.Decompressor.RequestDirectionConfig':
    'common_config advertise_accept_encoding',
  'envoy.extensions.filters.http.decompressor.v3.Decompressor.ResponseDirectionConfig': 'common_config',
  'envoy.extensions.compression.gzip.decompressor.v3.Gzip': 'window_bits chunk_size max_inflate_ratio',
  'envoy.extensions.compression.brotli.decompressor.v3.Brotli': 'disable_ring_buffer_reallocation chunk_size',
  'envoy.extensions.compression.zstd.decompressor.v3.Zstd': 'chunk_size',
  'envoy.extensions.filters.http.cors.v3.Cors': '',
  'envoy.extensions.filters.http.cors.v3.CorsPolicy':
    'allow_origin_string_match allow_methods allow_headers expose_headers max_age allow_credentials filter_enabled shadow_enabled allow_private_network_access forward_not_matching_preflights',
  'envoy.extensions.filters.http.custom_response.v3.CustomResponse': 'custom_response_matcher',
  'envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy':
    'body body_format status_code response_headers_to_add',
  'envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy':
    'uri redirect_action status_code response_headers_to_add request_headers_to_add',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz':
    'http_service grpc_service include_peer_certificate include_tls_session enable_dynamic_metadata_ingestion failure_mode_allow failure_mode_allow_header_add with_request_body clear_route_cache status_on_error filter_enabled deny_at_disable stat_prefix allowed_headers disallowed_headers charge_cluster_response_stats',
  'envoy.extensions.filters.http.ext_authz.v3.BufferSettings': 'max_request_bytes pack_as_bytes',
  'envoy.extensions.filters.http.ext_authz.v3.HttpService':
    'server_uri path_prefix authorization_request authorization_response',
  'envoy.extensions.filters.http.ext_authz.v3.AuthorizationRequest': 'headers_to_add',
  'envoy.extensions.filters.http.ext_authz.v3.AuthorizationResponse':
    'allowed_upstream_headers allowed_upstream_headers_to_append allowed_client_headers allowed_client_headers_on_success',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute': 'disabled check_settings',
  'envoy.extensions.filters.http.ext_authz.v3.CheckSettings':
    'disable_request_body_buffering with_request_body context_extensions',
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
  'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config': 'upgrade_protobuf_to_grpc ignore_query_parameters',
  'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3.FilterConfig':
    'content_type withhold_grpc_frames response_size_header',
  'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3.FilterConfigPerRoute': 'disabled',
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig':
    'individual_method_stats_allowlist stats_for_all_methods enable_upstream_stats emit_filter_state replace_dots_in_grpc_service_name',
  'envoy.config.core.v3.GrpcMethodList': 'services',
  'envoy.config.core.v3.GrpcMethodList.Service': 'name method_names',
  'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb': '',
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation': 'mutations most_specific_header_mutations_wins',
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute': 'mutations',
  'envoy.extensions.filters.http.header_mutation.v3.Mutations': 'request_mutations response_mutations',
  'envoy.config.common.mutation_rules.v3.HeaderMutation': 'remove append',
  'envoy.extensions.filters.http.header_to_metadata.v3.Config': 'request_rules response_rules',
  'envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule':
    'header cookie on_header_present on_header_missing remove',
  'envoy.extensions.filters.http.header_to_metadata.v3.Config.KeyValuePair':
    'metadata_namespace key value regex_value_rewrite type encode',
  'envoy.extensions.filters.http.health_check.v3.HealthCheck':
    'pass_through_mode cache_time cluster_min_healthy_percentages headers',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication':
    'providers rules bypass_cors_preflight requirement_map strip_failure_response',
  'envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig': 'disabled requirement_name',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtProvider':
    'issuer audiences subjects require_expiration max_lifetime remote_jwks local_jwks forward from_headers from_params from_cookies forward_payload_header pad_forward_payload_header payload_in_metadata header_in_metadata clock_skew_seconds jwt_cache_config claim_to_headers clear_route_cache',
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
  'envoy.extensions.filters.http.rbac.v3.RBAC':
    'rules rules_stat_prefix shadow_rules shadow_rules_stat_prefix matcher shadow_matcher track_per_rule_stats',
  'envoy.extensions.filters.http.rbac.v3.RBACPerRoute': 'rbac',
  'envoy.extensions.filters.http.set_filter_state.v3.Config': 'on_request_headers',
  'envoy.extensions.filters.network.set_filter_state.v3.Config': 'on_new_connection',
  'envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue':
    'object_key factory_key format_string skip_if_empty',
  'envoy.extensions.filters.http.set_metadata.v3.Config': 'metadata_namespace value metadata',
  'envoy.extensions.filters.http.set_metadata.v3.Metadata': 'metadata_namespace allow_overwrite value',
  'envoy.extensions.filters.http.stateful_session.v3.StatefulSession': 'session_state strict',
  'envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute': 'disabled stateful_session',
  'envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState': 'cookie',
  'envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState': 'name',
  'envoy.type.http.v3.Cookie': 'name ttl path',
  'envoy.config.rbac.v3.RBAC': 'action policies',
  'envoy.config.rbac.v3.Policy': 'permissions principals condition checked_condition',
  'envoy.config.rbac.v3.Permission':
    'and_rules or_rules any header url_path destination_ip destination_port destination_port_range requested_server_name metadata not_rule',
  'envoy.config.rbac.v3.Permission.Set': 'rules',
  'envoy.config.rbac.v3.Principal':
    'and_ids or_ids any authenticated source_ip direct_remote_ip remote_ip header url_path metadata not_id',
  'envoy.config.rbac.v3.Principal.Set': 'ids',
  'envoy.config.rbac.v3.Principal.Authenticated': 'principal_name',
  'envoy.type.matcher.v3.PathMatcher': 'path',
  'envoy.type.matcher.v3.MetadataMatcher': 'filter path value invert',
  'envoy.type.matcher.v3.MetadataMatcher.PathSegment': 'key',
  'envoy.type.matcher.v3.ValueMatcher':
    'null_match double_match string_match bool_match present_match list_match or_match',
  'envoy.type.matcher.v3.ValueMatcher.NullMatch': '',
  'envoy.type.matcher.v3.ListMatcher': 'one_of',
  'envoy.type.matcher.v3.OrMatcher': 'value_matchers',
  'envoy.type.matcher.v3.DoubleMatcher': 'range exact',
  'envoy.type.v3.DoubleRange': 'start end',
  'envoy.type.v3.Int32Range': 'start end',
  'envoy.type.v3.HttpStatus': 'code',
  'envoy.type.v3.TokenBucket': 'max_tokens tokens_per_fill fill_interval',
  'envoy.extensions.filters.http.ratelimit.v3.RateLimit':
    'domain stage request_type timeout failure_mode_deny rate_limited_as_resource_exhausted rate_limit_service enable_x_ratelimit_headers disable_x_envoy_ratelimited_header rate_limited_status response_headers_to_add status_on_error stat_prefix',
  'envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute': 'domain vh_rate_limits',
  'envoy.config.ratelimit.v3.RateLimitServiceConfig': 'grpc_service',
  'envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor': 'entries token_bucket',
  'envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry': 'key value',
  'envoy.config.route.v3.RateLimit': 'stage disable_key actions limit',
  'envoy.config.route.v3.RateLimit.Override': 'dynamic_metadata',
  'envoy.config.route.v3.RateLimit.Override.DynamicMetadata': 'metadata_key',
  'envoy.config.route.v3.RateLimit.Action':
    'source_cluster destination_cluster request_headers remote_address generic_key header_value_match masked_remote_address query_parameter_value_match metadata extension',
  'envoy.config.route.v3.RateLimit.Action.MetaData': 'descriptor_key metadata_key default_value source skip_if_absent',
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
    'name virtual_hosts request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove validate_clusters typed_per_filter_config request_mirror_policies most_specific_header_mutations_wins ignore_path_parameters_in_path_matching vhds max_direct_response_body_size_bytes ignore_port_in_host_matching',
  'envoy.config.route.v3.VirtualHost':
    'name domains routes require_tls request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove retry_policy include_request_attempt_count include_attempt_count_in_response include_is_timeout_retry_header per_request_buffer_limit_bytes hedge_policy request_mirror_policies typed_per_filter_config rate_limits cors metadata matcher',
  'envoy.config.route.v3.CorsPolicy':
    'allow_origin_string_match allow_methods allow_headers expose_headers max_age allow_credentials filter_enabled shadow_enabled allow_private_network_access forward_not_matching_preflights',
  'envoy.config.route.v3.Route':
    'name match route redirect direct_response per_request_buffer_limit_bytes metadata request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config decorator tracing',
  'envoy.config.route.v3.RouteMatch':
    'prefix path safe_regex path_separated_prefix connect_matcher path_match_policy case_sensitive headers query_parameters dynamic_metadata runtime_fraction grpc',
  'envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions': '',
  'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig': 'path_template',
  'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig': 'path_template_rewrite',
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
    'cluster cluster_header weighted_clusters metadata_match hash_policy cluster_not_found_response_code prefix_rewrite regex_rewrite path_rewrite_policy host_rewrite_literal host_rewrite_header host_rewrite_path_regex auto_host_rewrite request_mirror_policies rate_limits include_vh_rate_limits timeout idle_timeout retry_policy hedge_policy priority append_x_forwarded_host upgrade_configs max_stream_duration max_grpc_timeout grpc_timeout_offset internal_redirect_policy internal_redirect_action max_internal_redirects cors',
  'envoy.config.route.v3.InternalRedirectPolicy':
    'max_internal_redirects redirect_response_codes predicates allow_cross_scheme_redirect response_headers_to_copy',
  'envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig': 'allowed_route_names',
  'envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig': '',
  'envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig': '',
  'envoy.config.route.v3.RouteAction.MaxStreamDuration':
    'max_stream_duration grpc_timeout_header_max grpc_timeout_header_offset',
  'envoy.config.route.v3.RouteAction.UpgradeConfig': 'upgrade_type enabled connect_config',
  'envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig': 'allow_post',
  'envoy.config.route.v3.RouteMatch.ConnectMatcher': '',
  'envoy.config.route.v3.WeightedCluster': 'clusters runtime_key_prefix header_name',
  'envoy.config.route.v3.WeightedCluster.ClusterWeight':
    'name cluster_header weight metadata_match request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config host_rewrite_literal',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy':
    'cluster cluster_header runtime_fraction disable_shadow_host_suffix_append',
  'envoy.config.core.v3.RuntimeFractionalPercent': 'default_value runtime_key',
  'envoy.type.v3.FractionalPercent': 'numerator denominator',
  'envoy.config.route.v3.FilterConfig': 'config disabled',
  'envoy.config.route.v3.RetryPolicy':
    'retry_on num_retries per_try_timeout retriable_status_codes retriable_headers retriable_request_headers retry_back_off rate_limited_retry_back_off retry_host_predicate host_selection_retry_max_attempts',
  'envoy.config.route.v3.HedgePolicy': 'hedge_on_per_try_timeout',
  'envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff': 'reset_headers max_interval',
  'envoy.config.route.v3.RetryPolicy.ResetHeader': 'name format',
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
    'name metadata cluster_type upstream_bind_config upstream_connection_options preconnect_policy type=STATIC|STRICT_DNS|LOGICAL_DNS|EDS|ORIGINAL_DST original_dst_lb_config cleanup_interval eds_cluster_config connect_timeout lb_policy=ROUND_ROBIN|LEAST_REQUEST|RANDOM|RING_HASH|MAGLEV|CLUSTER_PROVIDED|LOAD_BALANCING_POLICY_CONFIG load_assignment circuit_breakers dns_refresh_rate dns_lookup_family dns_failure_refresh_rate respect_dns_ttl dns_resolvers use_tcp_for_dns_lookups=false dns_resolution_config typed_dns_resolver_config wait_for_warm_on_init alt_stat_name track_timeout_budgets track_cluster_stats max_requests_per_connection common_http_protocol_options per_connection_buffer_limit_bytes typed_extension_protocol_options load_balancing_policy round_robin_lb_config least_request_lb_config ring_hash_lb_config maglev_lb_config common_lb_config outlier_detection health_checks ignore_health_on_host_removal lb_subset_config transport_socket http_protocol_options http2_protocol_options protocol_selection upstream_http_protocol_options transport_socket_matches',
  'envoy.config.cluster.v3.Cluster.TransportSocketMatch': 'name match transport_socket',
  'envoy.config.cluster.v3.Cluster.LbSubsetConfig':
    'fallback_policy default_subset subset_selectors panic_mode_any list_as_any metadata_fallback_policy',
  'envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector':
    'keys fallback_policy fallback_keys_subset single_host_per_subset',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig':
    'healthy_panic_threshold close_connections_on_host_set_change ignore_new_hosts_until_first_hc consistent_hashing_lb_config zone_aware_lb_config locality_weighted_lb_config update_merge_window override_host_status',
  'envoy.config.core.v3.HealthStatusSet': 'statuses',
  'envoy.config.core.v3.HealthCheck':
    'timeout interval initial_jitter interval_jitter interval_jitter_percent unhealthy_threshold healthy_threshold reuse_connection http_health_check tcp_health_check grpc_health_check transport_socket_match_criteria no_traffic_interval no_traffic_healthy_interval unhealthy_interval unhealthy_edge_interval healthy_edge_interval',
  'envoy.config.core.v3.HealthCheck.HttpHealthCheck':
    'host path send receive response_buffer_size request_headers_to_add request_headers_to_remove expected_statuses retriable_statuses codec_client_type=HTTP1|HTTP2 service_name_matcher method',
  'envoy.config.core.v3.HealthCheck.TcpHealthCheck': 'send receive',
  'envoy.config.core.v3.HealthCheck.GrpcHealthCheck': 'service_name authority initial_metadata',
  'envoy.config.core.v3.HealthCheck.Payload': 'text binary',
  'envoy.type.v3.Int64Range': 'start end',
  'envoy.config.cluster.v3.OutlierDetection':
    'consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx enforcing_success_rate success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor consecutive_gateway_failure enforcing_consecutive_gateway_failure split_external_local_origin_errors consecutive_local_origin_failure enforcing_consecutive_local_origin_failure enforcing_local_origin_success_rate failure_percentage_threshold enforcing_failure_percentage enforcing_failure_percentage_local_origin failure_percentage_minimum_hosts failure_percentage_request_volume max_ejection_time max_ejection_time_jitter successful_active_health_check_uneject_host always_eject_one_host',
  'envoy.config.cluster.v3.Cluster.LeastRequestLbConfig': 'choice_count active_request_bias slow_start_config',
  'envoy.config.core.v3.RuntimeDouble': 'default_value runtime_key',
  'envoy.config.cluster.v3.Cluster.RingHashLbConfig': 'minimum_ring_size maximum_ring_size hash_function',
  'envoy.config.cluster.v3.Cluster.MaglevLbConfig': 'table_size',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig':
    'use_hostname_for_hashing hash_balance_factor',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig':
    'routing_enabled min_cluster_size fail_traffic_on_panic',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig': '',
  'envoy.config.cluster.v3.Cluster.RoundRobinLbConfig': 'slow_start_config',
  'envoy.config.cluster.v3.Cluster.SlowStartConfig': 'slow_start_window aggression min_weight_percent',
  'envoy.config.cluster.v3.LoadBalancingPolicy': 'policies',
  'envoy.config.core.v3.TypedExtensionConfig': 'name typed_config',
  'envoy.config.cluster.v3.LoadBalancingPolicy.Policy': 'typed_extension_config',
  'envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin': 'slow_start_config locality_lb_config',
  'envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest':
    'choice_count active_request_bias slow_start_config locality_lb_config selection_method',
  'envoy.extensions.load_balancing_policies.random.v3.Random': 'locality_lb_config',
  'envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash':
    'hash_function minimum_ring_size maximum_ring_size consistent_hashing_lb_config locality_weighted_lb_config',
  'envoy.extensions.load_balancing_policies.maglev.v3.Maglev':
    'table_size consistent_hashing_lb_config locality_weighted_lb_config',
  'envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig':
    'slow_start_window aggression min_weight_percent',
  'envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig':
    'use_hostname_for_hashing hash_balance_factor',
  'envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig':
    'zone_aware_lb_config locality_weighted_lb_config',
  'envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig':
    'routing_enabled min_cluster_size fail_traffic_on_panic',
  'envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig': '',
  'envoy.config.cluster.v3.Cluster.EdsClusterConfig': 'eds_config service_name',
  'envoy.config.cluster.v3.CircuitBreakers': 'thresholds per_host_thresholds',
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
  'envoy.config.core.v3.UpstreamHttpProtocolOptions': 'auto_sni auto_san_validation override_auto_sni_header',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions':
    'upstream_http_protocol_options common_http_protocol_options explicit_http_config use_downstream_protocol_config auto_config',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig':
    'http_protocol_options http2_protocol_options',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig':
    'http_protocol_options http2_protocol_options',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig':
    'http_protocol_options http2_protocol_options',
  'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer': '',
  // Access log
  'envoy.config.accesslog.v3.AccessLog': 'name filter typed_config',
  'envoy.config.accesslog.v3.AccessLogFilter':
    'status_code_filter duration_filter not_health_check_filter and_filter or_filter header_filter response_flag_filter grpc_status_filter metadata_filter log_type_filter runtime_filter extension_filter traceable_filter',
  'envoy.config.accesslog.v3.TraceableFilter': '',
  'envoy.config.accesslog.v3.ExtensionFilter': 'name typed_config',
  'envoy.config.accesslog.v3.RuntimeFilter': 'runtime_key percent_sampled use_independent_randomness',
  'envoy.config.accesslog.v3.StatusCodeFilter': 'comparison',
  'envoy.config.accesslog.v3.DurationFilter': 'comparison',
  'envoy.config.accesslog.v3.NotHealthCheckFilter': '',
  'envoy.config.accesslog.v3.ComparisonFilter': 'op value',
  'envoy.config.accesslog.v3.AndFilter': 'filters',
  'envoy.config.accesslog.v3.OrFilter': 'filters',
  'envoy.config.accesslog.v3.HeaderFilter': 'header',
  'envoy.config.accesslog.v3.ResponseFlagFilter': 'flags',
  'envoy.config.accesslog.v3.GrpcStatusFilter': 'statuses exclude',
  'envoy.config.accesslog.v3.MetadataFilter': 'matcher match_if_key_not_found',
  'envoy.config.accesslog.v3.LogTypeFilter': 'types exclude',
  'envoy.config.core.v3.RuntimeUInt32': 'default_value',
  'envoy.extensions.access_loggers.file.v3.FileAccessLog': 'path format json_format typed_json_format log_format',
  'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig':
    'common_config additional_request_headers_to_log additional_response_headers_to_log additional_response_trailers_to_log',
  'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig': 'common_config',
  'envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig':
    'log_name grpc_service buffer_flush_interval buffer_size_bytes custom_tags',
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': 'log_format',
  'envoy.extensions.access_loggers.stream.v3.StderrAccessLog': 'log_format',
  'envoy.config.core.v3.SubstitutionFormatString':
    'text_format text_format_source json_format omit_empty_values content_type formatters',
  'envoy.config.core.v3.JsonFormatOptions': '',
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
