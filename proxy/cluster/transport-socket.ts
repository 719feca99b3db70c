/** How connections to a cluster's hosts are encrypted. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { UpstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import type { StatsScope } from '../stats/store.ts';
import type { SecretManager } from '../tls/secret-manager.ts';
import { TlsClient } from '../tls/tls-client.ts';

const tlsType = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/**
 * Undefined where they are not.
 * @throws TlsConfigurationError, UnreadableSource, and Error for a source of secrets that is not there
 */
export function tlsClientOf(
  { transportSocket }: Configuration,
  scope: StatsScope,
  secrets: SecretManager,
): TlsClient | undefined {
  const socket = transportSocket?.configType;
  const any = socket?.case === 'typedConfig' ? socket.value : undefined;
  const context = typedConfig<UpstreamTlsContext>(any, tlsType);
  return context && new TlsClient(context, scope, secrets);
}
