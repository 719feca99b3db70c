import { readFile } from '../world/files.ts';
import { type Address, adminAddressFile } from './container.ts';

const longest = 256;

/** Where the admin interface of the proxy listens that runs beside that process; undefined while it does not, or has none. */
export function adminAddress(pid: number): Address | undefined {
  const [, address, port] = /^\[?(.+?)\]?:(\d+)$/.exec(read(pid)) ?? [];
  return address === undefined ? undefined : { address, port: Number(port) };
}

function read(pid: number): string {
  try {
    return readFile(pid, adminAddressFile, longest).content;
  } catch {
    // not written yet
    return '';
  }
}
