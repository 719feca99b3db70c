import { parse } from 'yaml';
import type { Address } from './container.ts';

type Tree = Record<string, unknown> | undefined;

const child = (tree: Tree, ...names: string[]): unknown =>
  names.map(name => tree?.[name]).find(value => value !== undefined);
const folder = (value: unknown): Tree => (typeof value === 'object' && value !== null ? (value as Tree) : undefined);

/** Where the proxy's admin interface will be, as its configuration says, in either spelling of proto3 JSON. */
export function adminAddress(configuration: string): Address | undefined {
  const admin = folder(child(folder(tryParse(configuration)), 'admin'));
  const socket = folder(child(folder(child(admin, 'address')), 'socket_address', 'socketAddress'));
  const address = child(socket, 'address');
  const port = Number(child(socket, 'port_value', 'portValue'));
  return typeof address === 'string' && Number.isInteger(port) && port > 0 ? { address, port } : undefined;
}

/** What cannot be read is the proxy's to complain about. */
function tryParse(configuration: string): unknown {
  try {
    return parse(configuration, { logLevel: 'silent', maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}
