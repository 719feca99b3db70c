/** The messages that may stand in a typed_config: what is not here is not supported yet. */
import { createRegistry, type Registry } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { FilterConfigSchema } from '../api/envoy/config/route/v3/route_components_pb.js';
import { FileAccessLogSchema } from '../api/envoy/extensions/access_loggers/file/v3/file_pb.js';
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '../api/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { BufferPerRouteSchema, BufferSchema } from '../api/envoy/extensions/filters/http/buffer/v3/buffer_pb.js';
import { CorsPolicySchema, CorsSchema } from '../api/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import {
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from '../api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { HTTPFaultSchema } from '../api/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from '../api/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import { HealthCheckSchema } from '../api/envoy/extensions/filters/http/health_check/v3/health_check_pb.js';
import {
  JwtAuthenticationSchema,
  PerRouteConfigSchema,
} from '../api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { LocalRateLimitSchema } from '../api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js';
import { RBACPerRouteSchema, RBACSchema } from '../api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '../api/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpInspectorSchema } from '../api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { ProxyProtocolSchema } from '../api/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js';
import { TlsInspectorSchema } from '../api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { HttpConnectionManagerSchema } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '../api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { PreviousHostsPredicateSchema } from '../api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { RawBufferSchema } from '../api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '../api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';

export const registry: Registry = createRegistry(
  HttpConnectionManagerSchema,
  TcpProxySchema,
  FilterConfigSchema,
  BufferSchema,
  BufferPerRouteSchema,
  CorsSchema,
  CorsPolicySchema,
  ExtAuthzSchema,
  ExtAuthzPerRouteSchema,
  HTTPFaultSchema,
  HeaderMutationSchema,
  HeaderMutationPerRouteSchema,
  HealthCheckSchema,
  JwtAuthenticationSchema,
  PerRouteConfigSchema,
  LocalRateLimitSchema,
  RBACSchema,
  RBACPerRouteSchema,
  RouterSchema,
  StdoutAccessLogSchema,
  StderrAccessLogSchema,
  FileAccessLogSchema,
  HttpProtocolOptionsSchema,
  PreviousHostsPredicateSchema,
  RawBufferSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  TlsInspectorSchema,
  HttpInspectorSchema,
  ProxyProtocolSchema,
  StringValueSchema,
);
