/** What a cluster says about its connections, in its old fields or in the extension that replaces them. */
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { HttpProtocolOptions as CommonOptions } from '../api/envoy/config/core/v3/protocol_pb.js';
import type { HttpProtocolOptions } from '../api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { milliseconds } from '../duration.ts';

const typeName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const hourMs = 3_600_000;

export function protocolOptions(cluster: Cluster): { idleTimeoutMs: number; maxRequestsPerConnection: number } {
  const extension = typedConfig<HttpProtocolOptions>(cluster.typedExtensionProtocolOptions[typeName], typeName);
  const common: CommonOptions | undefined = extension?.commonHttpProtocolOptions ?? cluster.commonHttpProtocolOptions;
  return {
    idleTimeoutMs: milliseconds(common?.idleTimeout, hourMs),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
  };
}
