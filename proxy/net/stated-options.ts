/** The options of sockets that a configuration states. */
import { isIPv6 } from 'node:net';
import { SocketOption_SocketState } from '../api/enums.js';
import type { SocketOption as Stated } from '../api/envoy/config/core/v3/socket_option_pb.js';
import { numberOption, type SocketOption } from './prepared-socket.ts';

/** By when the system is told them. */
export interface StatedOptions {
  beforeBind: readonly SocketOption[];
  bound: readonly SocketOption[];
  listening: readonly SocketOption[];
}

const states = {
  beforeBind: SocketOption_SocketState.STATE_PREBIND,
  bound: SocketOption_SocketState.STATE_BOUND,
  listening: SocketOption_SocketState.STATE_LISTENING,
};

/** Those of one moment, in their order. */
export function optionsOf(stated: readonly Stated[], when: keyof StatedOptions): SocketOption[] {
  return stated.filter(({ state }) => state === states[when]).map(optionOf);
}

function optionOf({ level, name, value, description }: Stated): SocketOption {
  const [at, which] = [Number(level), Number(name)];
  if (value.case === 'intValue') return numberOption(at, which, Number(value.value), description);
  const bytes = value.case === 'bufValue' ? Buffer.from(value.value) : Buffer.alloc(0);
  return { level: at, name: which, value: bytes, description };
}

const ipLevel = { four: 0, six: 41 };

/** Addresses that this machine does not have may be bound. */
export function freeBinding(host: string): SocketOption {
  const description = 'freebind';
  return isIPv6(host) ? numberOption(ipLevel.six, 78, 1, description) : numberOption(ipLevel.four, 15, 1, description);
}

/** Connections to addresses of others may be taken. */
export function transparency(host: string): SocketOption {
  const description = 'transparent';
  return isIPv6(host) ? numberOption(ipLevel.six, 75, 1, description) : numberOption(ipLevel.four, 19, 1, description);
}

/** Clients that come back may send with their first packet: so many may wait whose address is not proven. */
export const fastOpen = (queue: number): SocketOption => numberOption(6, 23, queue, 'tcp_fast_open_queue_length');
