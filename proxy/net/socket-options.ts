/** Options of sockets that Node has no function for: set through koffi. */
import type { Socket } from 'node:net';
import { descriptorOf, systemCalls } from './system-calls.ts';

/** What the system does where nothing is said stays so. */
export interface KeepAlive {
  /** Without an answer to so many the connection is over. */
  probes: number | undefined;
  /** Seconds of silence before the first. */
  timeSeconds: number | undefined;
  /** Seconds between them. */
  intervalSeconds: number | undefined;
}

const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

/** Asks the peers of silent connections whether they are still there. @throws Error where this machine has no koffi */
export function keepAliveSetter({ probes, timeSeconds, intervalSeconds }: KeepAlive): (socket: Socket) => void {
  const { setsockopt } = systemCalls();
  const options = [
    [SOL_SOCKET, SO_KEEPALIVE, 1],
    [IPPROTO_TCP, TCP_KEEPCNT, probes],
    [IPPROTO_TCP, TCP_KEEPIDLE, timeSeconds],
    [IPPROTO_TCP, TCP_KEEPINTVL, intervalSeconds],
  ] as const;
  const value = Buffer.alloc(4);
  return socket => {
    const descriptor = descriptorOf(socket);
    if (descriptor === undefined) return;
    for (const [level, name, number] of options) {
      if (number === undefined) continue;
      value.writeInt32LE(number);
      setsockopt(descriptor, level, name, value, value.length);
    }
  };
}
