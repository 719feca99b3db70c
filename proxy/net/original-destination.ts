/** Where a connection was meant to go before the firewall of this machine redirected it. */
import { isIPv6, type Socket } from 'node:net';
import { descriptorOf, type SystemCalls, systemCalls } from './system-calls.ts';
import { formatAddress } from './transport.ts';

/** `ip:port`; undefined where nothing was redirected, or nobody kept note of it. */
export type FindOriginalDestination = (socket: Socket) => string | undefined;

/** The option has the same number for both families. */
const SO_ORIGINAL_DST = 80;
/** IP_TRANSPARENT and IPV6_TRANSPARENT. */
const transparent = { 4: 19, 6: 75 } as const;
const level = { 4: 0, 6: 41 } as const;
/** Of the larger address. */
const addressSize = 28;

let find: FindOriginalDestination | undefined;

/**
 * Loaded when the first listener asks for it.
 * @throws Error where this machine has no koffi
 * @see man 7 ip, iptables-extensions (REDIRECT)
 */
export function originalDestinations(): FindOriginalDestination {
  find ??= makeFind(systemCalls());
  return find;
}

function makeFind({ getsockopt }: SystemCalls): FindOriginalDestination {
  const value = Buffer.alloc(addressSize);
  const length = Buffer.alloc(4);
  return socket => {
    const descriptor = descriptorOf(socket);
    if (descriptor === undefined) return undefined;
    length.writeInt32LE(addressSize);
    const family = isIPv6(plain(socket.localAddress ?? '')) ? 6 : 4;
    if (getsockopt(descriptor, level[family], SO_ORIGINAL_DST, value, length) !== 0) {
      // What a transparent listener gets was not redirected: it is still addressed to where it was meant to go.
      const isTransparent = getsockopt(descriptor, level[family], transparent[family], value, length) === 0;
      return isTransparent && value.readInt32LE() === 1
        ? formatAddress(socket.localAddress, socket.localPort)
        : undefined;
    }
    return family === 6 ? addressOf6(value) : formatAddress(value.subarray(4, 8).join('.'), value.readUInt16BE(2));
  };
}

/** One of IPv4 that came to a socket of both families. */
const plain = (address: string): string => address.replace(/^::ffff:/, '');

function addressOf6(value: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => value.readUInt16BE(8 + 2 * index).toString(16));
  return formatAddress(usualForm(groups.join(':')), value.readUInt16BE(2));
}

/** An address of IPv6 is written in its shortest way. */
export const usualForm = (ip: string): string => (isIPv6(ip) ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip);
