/** Addresses that only this machine knows (AF_UNIX): a path, or `@` and a name that stands in no file system. They have no ports. */
import { isIP, type Socket } from 'node:net';

/** @param address without a port */
export const isPipe = (address: string): boolean => isIP(address) === 0;

/** As the system takes it. */
export const systemPath = (path: string): string => path.replace(/^@/, '\0');

/** What `net.connect` is told of where to connect to. */
export const endOf = (address: string, port: number): { path: string } | { host: string; port: number } =>
  isPipe(address) ? { path: systemPath(address) } : { host: address, port };

const pipes = new WeakMap<Socket, string>();

/** From here on both ends of a connection are known by the path: clients have no addresses of their own, as in Envoy. */
export function comesBy(socket: Socket, path: string): void {
  pipes.set(socket, path);
}

/** What a connection carries, decrypted say, came the same way. */
export function comesByTheSame(carried: Socket, socket: Socket): void {
  const path = pipes.get(socket);
  if (path !== undefined) pipes.set(carried, path);
}

/** '' where a socket came by none. */
export const pipeOf = (socket: Socket): string => pipes.get(socket) ?? '';
