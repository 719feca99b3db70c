/** What is refused of transport sockets beyond what their contexts hold. */
import { at, list, type Part, type Refuse, requireTypedConfig } from './parts.ts';

const tlsType = 'envoy.extensions.transport_sockets.tls.v3';
const rawType = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';
const managerType = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** The configuration of a part's transport socket, where it is one of this side. */
function transportSocket(part: Part, side: 'Downstream' | 'Upstream', refuse: Refuse): Part | undefined {
  const socket = at(part, 'transport_socket');
  if (socket === undefined) return undefined;
  requireTypedConfig(socket, refuse);
  const configuration = at(socket, 'typed_config')!;
  const type = String(configuration.value['@type']).replace(/^.*\//, '');
  if (type === `${tlsType}.${side}TlsContext`) return configuration;
  if (type === rawType) return undefined;
  const name = socket.value.name ?? '';
  throw refuse(`Didn't find a registered implementation for '${name}' with type URL: '${type}'`, socket.path);
}

/** Whom it is agreed with would speak what nobody here understands. */
function refuseHttp2(socket: Part | undefined, refuse: Refuse): void {
  const common = socket && at(socket, 'common_tls_context');
  const protocols = common?.value.alpn_protocols;
  if (!common || !Array.isArray(protocols) || !protocols.includes('h2')) return;
  const path = [...common.path, 'alpn_protocols', protocols.indexOf('h2')];
  throw refuse('this proxy speaks HTTP/1.1 alone yet: offer http/1.1, or leave alpn_protocols out', path);
}

export function checkUpstreamSocket(cluster: Part, refuse: Refuse): void {
  const socket = transportSocket(cluster, 'Upstream', refuse);
  refuseHttp2(socket, refuse);
  const tcp = list(cluster, 'health_checks').find(check => at(check, 'tcp_health_check') !== undefined);
  if (socket === undefined || tcp === undefined) return;
  throw refuse('tcp_health_check by TLS is not supported by this proxy: use http_health_check', tcp.path);
}

/** @param filters of the chain */
export function checkDownstreamSocket(chain: Part, filters: readonly Part[], refuse: Refuse): void {
  const socket = transportSocket(chain, 'Downstream', refuse);
  const speaksHttp = filters.some(filter => String(at(filter, 'typed_config')?.value['@type']).endsWith(managerType));
  if (speaksHttp) refuseHttp2(socket, refuse);
}
