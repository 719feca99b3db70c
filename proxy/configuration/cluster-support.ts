/** The part of `obeyed` that tells how clusters find their hosts and connect to them, and how listeners get connections. */
export const connectionSupport: Record<string, string> = {
  'envoy.config.cluster.v3.Cluster.CustomClusterType': 'name typed_config',
  'envoy.extensions.clusters.aggregate.v3.ClusterConfig': 'clusters',
  'envoy.config.core.v3.BindConfig':
    'source_address extra_source_addresses additional_source_addresses freebind socket_options',
  'envoy.config.core.v3.SocketOption': 'description level name int_value buf_value state',
  'envoy.config.core.v3.ExtraSourceAddress': 'address',
  'envoy.config.cluster.v3.UpstreamConnectionOptions': 'tcp_keepalive',
  'envoy.config.core.v3.TcpKeepalive': 'keepalive_probes keepalive_time keepalive_interval',
  'envoy.config.cluster.v3.Cluster.PreconnectPolicy': 'per_upstream_preconnect_ratio',
  'envoy.config.cluster.v3.TrackClusterStats': 'timeout_budgets',
  'envoy.config.cluster.v3.Cluster.RefreshRate': 'base_interval max_interval',
  'envoy.config.core.v3.DnsResolutionConfig': 'resolvers dns_resolver_options',
  'envoy.config.core.v3.DnsResolverOptions': 'use_tcp_for_dns_lookups=false no_default_search_domain',
  'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig':
    'resolvers use_resolvers_as_fallback filter_unroutable_families dns_resolver_options',
  'envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig': '',
  'envoy.config.listener.v3.Listener.ConnectionBalanceConfig.ExactBalance': '',
  'envoy.extensions.filters.network.sni_cluster.v3.SniCluster': '',
  'envoy.config.overload.v3.OverloadManager': 'resource_monitors',
  'envoy.config.overload.v3.ResourceMonitor': 'name typed_config',
  'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig':
    'max_active_downstream_connections',
  'envoy.config.listener.v3.Listener.DeprecatedV1': 'bind_to_port',
  'envoy.extensions.filters.listener.original_dst.v3.OriginalDst': '',
  'envoy.config.cluster.v3.Cluster.OriginalDstLbConfig':
    'use_http_header http_header_name upstream_port_override metadata_key',
  'envoy.type.metadata.v3.MetadataKey': 'key path',
  'envoy.type.metadata.v3.MetadataKey.PathSegment': 'key',
};
