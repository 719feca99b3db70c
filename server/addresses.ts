import { networkInterfaces } from 'node:os';
import { urlHost } from './http/origin.ts';
import type { Settings } from './settings.ts';

/** The addresses under which browsers reach the server, the best one first; without a slash at the end. */
export function originsOf(settings: Settings, port: number): string[] {
  if (settings.publicUrl) return [settings.publicUrl.origin];
  const hosts = settings.host === '0.0.0.0' || settings.host === '::' ? machineAddresses() : [settings.host];
  return hosts.map(host => `http://${urlHost(host)}:${port}`);
}

/** Where other servers of the class reach this one, `host:port`. */
export function replicaAddress({ replicaAddress: given, host }: Settings, port: number): string {
  if (given !== null) return given;
  const own = host === '0.0.0.0' || host === '::' ? (machineAddresses()[0] ?? '127.0.0.1') : host;
  return `${urlHost(own)}:${port}`;
}

/** What others on the network can open first, this machine's own last. */
function machineAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? []);
  const outside = all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
  return [...outside.filter(address => !address.startsWith('169.254.')), '127.0.0.1'];
}
