/** What is refused of addresses, in Envoy's words where it refuses them too. */
import { isIPv6 } from 'node:net';
import { isObject, type JsonObject } from './json.ts';

/** How long a path may be, with the byte that ends it. */
const longestPath = 108;

/** Of an envoy.config.core.v3.Pipe. */
export function pipeProblem({ path, mode = 0 }: JsonObject): { field: string; reason: string } | undefined {
  const text = String(path);
  if (Buffer.byteLength(text) >= longestPath) {
    const reason = `Path "${text}" exceeds maximum UNIX domain socket path size of ${longestPath}.`;
    return { field: 'path', reason };
  }
  if (text.startsWith('@') && mode !== 0)
    return { field: 'mode', reason: 'Cannot set mode for Abstract AF_UNIX sockets' };
  if (!text.includes('\0')) return undefined;
  return { field: 'path', reason: 'UNIX domain socket pathname contains embedded null characters' };
}

/** Of an envoy.config.core.v3.SocketAddress. */
export function compatProblem(value: JsonObject): { field: string; reason: string } | undefined {
  const { address, port_value: port = 0, ipv4_compat: isCompatible } = value;
  const host = String(address);
  if (isCompatible !== true || host === '::' || /^::ffff:/i.test(host)) return undefined;
  const text = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  const reason = `Only IPv6 address '::' or valid IPv4-mapped IPv6 address can set ipv4_compat: ${text}`;
  return { field: 'ipv4_compat', reason };
}

/** Of what sends to an address by itself: to pipes it cannot. */
export function datagramPipeProblem(field: string, value: JsonObject): { field: string; reason: string } | undefined {
  const stated = value[field];
  const addresses = Array.isArray(stated) ? stated : [stated];
  if (!addresses.some(address => isObject(address) && address.pipe !== undefined)) return undefined;
  return { field, reason: 'a pipe is not supported here by this proxy: use a socket address' };
}
