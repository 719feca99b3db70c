import { networkInterfaces } from 'node:os';

let found: string | undefined;

/** This machine's own IPv4 address, as Envoy finds it: that of the first interface besides loopback, else 127.0.0.1. */
export function localAddress(): string {
  found ??= Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  found ??= '127.0.0.1';
  return found;
}
