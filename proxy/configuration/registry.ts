/** The messages that may stand in a typed_config: what is not here is not supported yet. */
import { createRegistry, type Registry } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { DogStatsdSinkSchema, StatsdSinkSchema } from '../api/envoy/config/metrics/v3/stats_pb.js';
import { ActionSchema } from '../api/envoy/config/rbac/v3/rbac_pb.js';
import { FilterConfigSchema, RouteListSchema, RouteSchema } from '../api/envoy/config/route/v3/route_components_pb.js';
import { OpenTelemetryConfigSchema } from '../api/envoy/config/trace/v3/opentelemetry_pb.js';
import { ZipkinConfigSchema } from '../api/envoy/config/trace/v3/zipkin_pb.js';
import { FileAccessLogSchema } from '../api/envoy/extensions/access_loggers/file/v3/file_pb.js';
import { ExpressionFilterSchema } from '../api/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '../api/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '../api/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { ClusterConfigSchema as AggregateSchema } from '../api/envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import { BrotliSchema as BrotliCompressorSchema } from '../api/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.js';
import { BrotliSchema as BrotliDecompressorSchema } from '../api/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.js';
import { GzipSchema as GzipCompressorSchema } from '../api/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.js';
import { GzipSchema as GzipDecompressorSchema } from '../api/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.js';
import { ZstdSchema as ZstdCompressorSchema } from '../api/envoy/extensions/compression/zstd/compressor/v3/zstd_pb.js';
import { ZstdSchema as ZstdDecompressorSchema } from '../api/envoy/extensions/compression/zstd/decompressor/v3/zstd_pb.js';
import { AdmissionControlSchema } from '../api/envoy/extensions/filters/http/admission_control/v3/admission_control_pb.js';
import { BandwidthLimitSchema } from '../api/envoy/extensions/filters/http/bandwidth_limit/v3/bandwidth_limit_pb.js';
import { BufferPerRouteSchema, BufferSchema } from '../api/envoy/extensions/filters/http/buffer/v3/buffer_pb.js';
import {
  CompressorPerRouteSchema,
  CompressorSchema,
} from '../api/envoy/extensions/filters/http/compressor/v3/compressor_pb.js';
import { CorsPolicySchema, CorsSchema } from '../api/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { CustomResponseSchema } from '../api/envoy/extensions/filters/http/custom_response/v3/custom_response_pb.js';
import { DecompressorSchema } from '../api/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.js';
import {
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from '../api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { HTTPFaultSchema } from '../api/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { ConfigSchema as GrpcHttp1BridgeSchema } from '../api/envoy/extensions/filters/http/grpc_http1_bridge/v3/config_pb.js';
import {
  FilterConfigPerRouteSchema as ReverseBridgePerRouteSchema,
  FilterConfigSchema as ReverseBridgeSchema,
} from '../api/envoy/extensions/filters/http/grpc_http1_reverse_bridge/v3/config_pb.js';
import { FilterConfigSchema as GrpcStatsSchema } from '../api/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js';
import { GrpcWebSchema } from '../api/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js';
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from '../api/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import { ConfigSchema as HeaderToMetadataSchema } from '../api/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.js';
import { HealthCheckSchema } from '../api/envoy/extensions/filters/http/health_check/v3/health_check_pb.js';
import {
  JwtAuthenticationSchema,
  PerRouteConfigSchema,
} from '../api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { LocalRateLimitSchema } from '../api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js';
import {
  PerRouteConfigSchema as OnDemandPerRouteSchema,
  OnDemandSchema,
} from '../api/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import {
  RateLimitPerRouteSchema,
  RateLimitSchema,
} from '../api/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.js';
import { RBACPerRouteSchema, RBACSchema } from '../api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '../api/envoy/extensions/filters/http/router/v3/router_pb.js';
import { ConfigSchema as SetFilterStateSchema } from '../api/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import { ConfigSchema as SetMetadataSchema } from '../api/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.js';
import {
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
} from '../api/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js';
import { HttpInspectorSchema } from '../api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { OriginalDstSchema } from '../api/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { ProxyProtocolSchema } from '../api/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js';
import { TlsInspectorSchema } from '../api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { ConnectionLimitSchema } from '../api/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js';
import { ConfigSchema as DirectResponseSchema } from '../api/envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import { EchoSchema } from '../api/envoy/extensions/filters/network/echo/v3/echo_pb.js';
import { ExtAuthzSchema as ConnectionExtAuthzSchema } from '../api/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js';
import { HttpConnectionManagerSchema } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { LocalRateLimitSchema as ConnectionRateLimitSchema } from '../api/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js';
import { RateLimitSchema as ConnectionServiceLimitSchema } from '../api/envoy/extensions/filters/network/ratelimit/v3/rate_limit_pb.js';
import { RBACSchema as ConnectionRBACSchema } from '../api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { ConfigSchema as ConnectionFilterStateSchema } from '../api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { SniClusterSchema } from '../api/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb.js';
import { TcpProxySchema } from '../api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { CelSchema } from '../api/envoy/extensions/formatter/cel/v3/cel_pb.js';
import { MetadataSchema as MetadataFormatterSchema } from '../api/envoy/extensions/formatter/metadata/v3/metadata_pb.js';
import { ReqWithoutQuerySchema } from '../api/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js';
import { LocalResponsePolicySchema } from '../api/envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy_pb.js';
import { RedirectPolicySchema } from '../api/envoy/extensions/http/custom_response/redirect_policy/v3/redirect_policy_pb.js';
import { PreserveCaseFormatterConfigSchema } from '../api/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js';
import { CookieBasedSessionStateSchema } from '../api/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.js';
import { HeaderBasedSessionStateSchema } from '../api/envoy/extensions/http/stateful_session/header/v3/header_pb.js';
import { AllowListedRoutesConfigSchema } from '../api/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.js';
import { PreviousRoutesConfigSchema } from '../api/envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config_pb.js';
import { SafeCrossSchemeConfigSchema } from '../api/envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config_pb.js';
import { LeastRequestSchema } from '../api/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js';
import { MaglevSchema } from '../api/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js';
import { RandomSchema } from '../api/envoy/extensions/load_balancing_policies/random/v3/random_pb.js';
import { RingHashSchema } from '../api/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js';
import { RoundRobinSchema } from '../api/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js';
import {
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
  SourceTypeInputSchema,
  TransportProtocolInputSchema,
} from '../api/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js';
import {
  DnsSanInputSchema,
  SubjectInputSchema,
  UriSanInputSchema,
} from '../api/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.js';
import { IpSchema } from '../api/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js';
import { CaresDnsResolverConfigSchema } from '../api/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js';
import { GetAddrInfoDnsResolverConfigSchema } from '../api/envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver_pb.js';
import { UriTemplateMatchConfigSchema } from '../api/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { UriTemplateRewriteConfigSchema } from '../api/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js';
import { DescriptorSchema as ExpressionDescriptorSchema } from '../api/envoy/extensions/rate_limit_descriptors/expr/v3/expr_pb.js';
import { UuidRequestIdConfigSchema } from '../api/envoy/extensions/request_id/uuid/v3/uuid_pb.js';
import { DownstreamConnectionsConfigSchema } from '../api/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js';
import { PreviousHostsPredicateSchema } from '../api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { EnvironmentResourceDetectorConfigSchema } from '../api/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js';
import { StaticConfigResourceDetectorConfigSchema } from '../api/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.js';
import { AlwaysOnSamplerConfigSchema } from '../api/envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler_pb.js';
import { RawBufferSchema } from '../api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '../api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import {
  HttpRequestHeaderMatchInputSchema,
  HttpResponseHeaderMatchInputSchema,
} from '../api/envoy/type/matcher/v3/http_inputs_pb.js';
import {
  HttpResponseStatusCodeClassMatchInputSchema,
  HttpResponseStatusCodeMatchInputSchema,
} from '../api/envoy/type/matcher/v3/status_code_input_pb.js';
import { CelMatcherSchema } from '../api/xds/type/matcher/v3/cel_pb.js';
import { ServerNameMatcherSchema } from '../api/xds/type/matcher/v3/domain_pb.js';
import { HttpAttributesCelMatchInputSchema } from '../api/xds/type/matcher/v3/http_inputs_pb.js';
import { IPMatcherSchema } from '../api/xds/type/matcher/v3/ip_pb.js';

export const registry: Registry = createRegistry(
  HttpConnectionManagerSchema,
  TcpProxySchema,
  ConnectionLimitSchema,
  ConnectionExtAuthzSchema,
  ConnectionRateLimitSchema,
  ConnectionRBACSchema,
  ConnectionServiceLimitSchema,
  DirectResponseSchema,
  EchoSchema,
  ConnectionFilterStateSchema,
  SniClusterSchema,
  DownstreamConnectionsConfigSchema,
  FilterConfigSchema,
  AdmissionControlSchema,
  BandwidthLimitSchema,
  BufferSchema,
  BufferPerRouteSchema,
  CompressorSchema,
  CompressorPerRouteSchema,
  GzipCompressorSchema,
  BrotliCompressorSchema,
  ZstdCompressorSchema,
  DecompressorSchema,
  GzipDecompressorSchema,
  BrotliDecompressorSchema,
  ZstdDecompressorSchema,
  CorsSchema,
  CorsPolicySchema,
  CustomResponseSchema,
  LocalResponsePolicySchema,
  RedirectPolicySchema,
  ExtAuthzSchema,
  ExtAuthzPerRouteSchema,
  HTTPFaultSchema,
  GrpcHttp1BridgeSchema,
  ReverseBridgeSchema,
  ReverseBridgePerRouteSchema,
  GrpcStatsSchema,
  GrpcWebSchema,
  HeaderMutationSchema,
  HeaderMutationPerRouteSchema,
  HeaderToMetadataSchema,
  HealthCheckSchema,
  JwtAuthenticationSchema,
  PerRouteConfigSchema,
  LocalRateLimitSchema,
  OnDemandSchema,
  OnDemandPerRouteSchema,
  RateLimitPerRouteSchema,
  RateLimitSchema,
  RBACSchema,
  RBACPerRouteSchema,
  RouterSchema,
  SetFilterStateSchema,
  SetMetadataSchema,
  StatefulSessionSchema,
  StatefulSessionPerRouteSchema,
  CookieBasedSessionStateSchema,
  HeaderBasedSessionStateSchema,
  StdoutAccessLogSchema,
  StderrAccessLogSchema,
  FileAccessLogSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
  HttpProtocolOptionsSchema,
  PreviousHostsPredicateSchema,
  UriTemplateMatchConfigSchema,
  UriTemplateRewriteConfigSchema,
  AllowListedRoutesConfigSchema,
  PreviousRoutesConfigSchema,
  SafeCrossSchemeConfigSchema,
  LeastRequestSchema,
  MaglevSchema,
  RandomSchema,
  RingHashSchema,
  RoundRobinSchema,
  RawBufferSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  TlsInspectorSchema,
  HttpInspectorSchema,
  OriginalDstSchema,
  AggregateSchema,
  CaresDnsResolverConfigSchema,
  UuidRequestIdConfigSchema,
  PreserveCaseFormatterConfigSchema,
  GetAddrInfoDnsResolverConfigSchema,
  ProxyProtocolSchema,
  OpenTelemetryConfigSchema,
  EnvironmentResourceDetectorConfigSchema,
  StaticConfigResourceDetectorConfigSchema,
  AlwaysOnSamplerConfigSchema,
  ZipkinConfigSchema,
  StatsdSinkSchema,
  DogStatsdSinkSchema,
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
  SourceTypeInputSchema,
  TransportProtocolInputSchema,
  DnsSanInputSchema,
  SubjectInputSchema,
  UriSanInputSchema,
  HttpRequestHeaderMatchInputSchema,
  HttpResponseHeaderMatchInputSchema,
  HttpResponseStatusCodeMatchInputSchema,
  HttpResponseStatusCodeClassMatchInputSchema,
  RouteSchema,
  RouteListSchema,
  HttpAttributesCelMatchInputSchema,
  IpSchema,
  IPMatcherSchema,
  CelMatcherSchema,
  ServerNameMatcherSchema,
  ActionSchema,
  CelSchema,
  MetadataFormatterSchema,
  ReqWithoutQuerySchema,
  ExpressionFilterSchema,
  ExpressionDescriptorSchema,
  StringValueSchema,
);
