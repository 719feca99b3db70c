import { BlockList, isIP } from 'node:net';
import type { CidrRange } from '../api/envoy/config/core/v3/address_pb.js';

type Range = Pick<CidrRange, 'addressPrefix' | 'prefixLen'>;

/**
 * Tests whether an address, without its port, is in one of these ranges. A range holds addresses of its own family only.
 * @param ranges a range without a length of its prefix holds every address of its family, as in Envoy
 */
export function addressTest(ranges: readonly Range[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false;
  // A list for each family: one for both would find an IPv4 address in IPv6 ranges, as its mapped form.
  const [four, six] = [new BlockList(), new BlockList()];
  for (const { addressPrefix, prefixLen = 0 } of ranges) {
    if (isIP(addressPrefix) === 6) six.addSubnet(addressPrefix, Math.min(prefixLen, 128), 'ipv6');
    else four.addSubnet(addressPrefix, Math.min(prefixLen, 32), 'ipv4');
  }
  return address => {
    const kind = isIP(address);
    return kind === 6 ? six.check(address, 'ipv6') : kind === 4 && four.check(address, 'ipv4');
  };
}

/** The address and the port of `10.0.0.1:80` or `[::1]:80`; what is no such address is a path without a port. */
export function splitAddress(text: string): { address: string; port: number } {
  const colon = text.lastIndexOf(':');
  const address = text.slice(0, colon).replace(/^\[|\]$/g, '');
  return isIP(address) === 0 ? { address: text, port: 0 } : { address, port: Number(text.slice(colon + 1)) };
}
