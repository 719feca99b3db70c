/** What is refused of transport sockets beyond what their contexts hold. */
import { at, list, type Part, type Refuse, requireTypedConfig } from './parts.ts';

const tlsType = 'envoy.extensions.transport_sockets.tls.v3';
const rawType = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';

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

export function checkUpstreamSocket(cluster: Part, refuse: Refuse): void {
  for (const part of [cluster, ...list(cluster, 'transport_socket_matches')]) transportSocket(part, 'Upstream', refuse);
}

export function checkDownstreamSocket(chain: Part, refuse: Refuse): void {
  transportSocket(chain, 'Downstream', refuse);
}
