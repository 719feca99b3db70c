/** Operators that print the addresses of a request's connections. */
import { isIP } from 'node:net';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type Command, type Compiler, portOf, text, withoutPort } from './command.ts';

type AddressOf = (info: StreamInfo) => string;

/** `NAME`, `NAME_WITHOUT_PORT` and `…_PORT` of one address. */
function commandsOf(name: string, read: AddressOf): Record<string, Compiler> {
  return {
    [`${name}_ADDRESS`]: text(read),
    [`${name}_ADDRESS_WITHOUT_PORT`]: masked(read),
    [`${name}_PORT`]: port(read),
  };
}

/** A number outside of texts. Pipes have none, which prints as nothing. */
function port(read: AddressOf): Compiler {
  const inText = (info: StreamInfo): string | undefined => {
    const address = read(info);
    return address === '' ? undefined : portOf(address);
  };
  const number = (info: StreamInfo): number | undefined => {
    const found = inText(info) || undefined;
    return found === undefined ? undefined : Number(found);
  };
  const command: Command = Object.assign(number, { inText });
  return () => command;
}

/** With a length, the range of addresses that the address is in; what is no length is no wish, as in Envoy. */
const masked =
  (read: AddressOf): Compiler =>
  (argument = '') => {
    const whole: Compiler = text(info => withoutPort(read(info)));
    if (!/^\s*[+-]?\d+\s*$/.test(argument)) return whole(argument);
    const length = Number(argument);
    return info => {
      const address = read(info);
      if (address === '') return undefined;
      const { address: host } = splitAddress(address);
      return length < 0 || isPipe(host) ? '' : rangeOf(host, length);
    };
  };

/** `10.1.0.0/16` */
function rangeOf(address: string, length: number): string {
  const six = isIP(address) === 6;
  const [count, size] = six ? [8, 16] : [4, 8];
  const bits = Math.min(length, count * size);
  const parts = six ? groupsOf(address) : address.split('.').map(Number);
  const left = parts.map((part, index) => {
    const dropped = Math.min(size, Math.max(0, (index + 1) * size - bits));
    return (part >> dropped) << dropped;
  });
  // A URL writes an address as short as it can be, as RFC 5952 wants it.
  const text = six
    ? new URL(`http://[${left.map(part => part.toString(16)).join(':')}]`).hostname.slice(1, -1)
    : left.join('.');
  return `${text}/${bits}`;
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const numbers = (part: string | undefined): number[] =>
    part ? part.split(':').map(group => parseInt(group, 16)) : [];
  const [head, tail] = [numbers(before), numbers(after)];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

const clientAddress: AddressOf = info => info.downstreamRemoteAddress;

export const addressCommands: Record<string, Compiler> = {
  ...commandsOf('UPSTREAM_REMOTE', info => (info.upstreamConnectionId === 0 ? '' : info.upstreamHost)),
  ...commandsOf('UPSTREAM_LOCAL', info => info.upstreamLocalAddress),
  ...commandsOf('DOWNSTREAM_REMOTE', clientAddress),
  ...commandsOf('DOWNSTREAM_DIRECT_REMOTE', info => info.downstreamDirectRemoteAddress),
  ...commandsOf('DOWNSTREAM_DIRECT_LOCAL', info => info.downstreamDirectLocalAddress),
  ...commandsOf('DOWNSTREAM_LOCAL', info => info.downstreamLocalAddress),
};
