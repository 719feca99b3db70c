/** Sockets that are told something before they are bound or connected, which Node has no way for: made through koffi. */
import { chmodSync, rmSync } from 'node:fs';
import { isIPv6, type Socket } from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { isPipe, systemPath } from './pipe.ts';
import { descriptorOf, type SystemCalls, systemCalls } from './system-calls.ts';

/** What the system is told of a socket. */
export interface SocketOption {
  level: number;
  name: number;
  value: Buffer;
  /** By which people know it; '' where it has no words. */
  description: string;
}

/** The system does not take an option. */
export class SocketOptionError extends Error {
  readonly code = 'SOCKET_OPTION';

  constructor({ level, name, description }: SocketOption, errno: number) {
    const words = description === '' ? '' : `${description}, `;
    super(`socket option ${words}level ${level} name ${name}: ${systemText(errno)}`);
  }
}

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
export const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** An option whose value is a whole number. */
export function numberOption(level: number, name: number, number: number, description = ''): SocketOption {
  const value = Buffer.alloc(4);
  value.writeInt32LE(number);
  return { level, name, value, description };
}

/** Tells a socket that is open. @throws SocketOptionError for the first that is not taken */
export function setSocketOptions(descriptor: number, options: readonly SocketOption[]): void {
  const { setsockopt, errno } = systemCalls();
  for (const option of options)
    if (setsockopt(descriptor, option.level, option.name, option.value, option.value.length) !== 0)
      throw new SocketOptionError(option, errno());
}

/** Whom others may be let share the address with. */
export interface BoundSocketOptions {
  /** Told before it is bound, and after. */
  before: readonly SocketOption[];
  after: readonly SocketOption[];
  /** Other sockets may be bound there, too. */
  reusePort: boolean;
  /** Clients of IPv4 do not reach it. */
  ipv6Only: boolean;
}

/**
 * A pipe that is bound and does not listen yet. What lay at its path is gone then, as with Envoy.
 * @param mode of the file; 0: as the system makes it
 * @returns its descriptor
 * @throws SocketOptionError; an error of the system, with its code, where it cannot be bound
 */
export function boundPipe(
  path: string,
  mode: number,
  { before, after }: Pick<BoundSocketOptions, 'before' | 'after'>,
): number {
  const calls = systemCalls();
  const inFiles = !path.startsWith('@');
  if (inFiles) rmSync(path, { force: true });
  const descriptor = openSocket(calls, path);
  try {
    setSocketOptions(descriptor, before);
    const address = pipeAddress(path);
    if (calls.bind(descriptor, address, address.length) !== 0) throw systemError(calls.errno());
    if (inFiles && mode !== 0) chmodSync(path, mode);
    setSocketOptions(descriptor, after);
    return descriptor;
  } catch (error) {
    calls.close(descriptor);
    throw error;
  }
}

/**
 * Another descriptor of a pipe that some other thread has bound.
 * @throws Error where it has let go of it
 */
export function samePipe(path: string, descriptor: number): number {
  const calls = systemCalls();
  const same = calls.dup(descriptor);
  if (same < 0) throw systemError(calls.errno());
  const [address, length] = [Buffer.alloc(pipeAddressSize), Buffer.alloc(4)];
  length.writeInt32LE(pipeAddressSize);
  const wanted = pipeAddress(path);
  const isBound = calls.getsockname(same, address, length) === 0 && address.subarray(0, wanted.length).equals(wanted);
  if (isBound) return same;
  calls.close(same);
  throw systemError(constants.errno.EBADF);
}

/** Where nobody else is to have it. */
export const closeSocket = (descriptor: number): void => void systemCalls().close(descriptor);

/**
 * A socket of TCP that is bound and does not listen yet.
 * @returns its descriptor
 * @throws SocketOptionError; an error of the system, with its code, where it cannot be bound
 */
export function boundSocket(
  host: string,
  port: number,
  { before, after, reusePort, ipv6Only }: BoundSocketOptions,
): number {
  const calls = systemCalls();
  const descriptor = openSocket(calls, host);
  try {
    const own = [numberOption(SOL_SOCKET, SO_REUSEADDR, 1)];
    if (reusePort) own.push(numberOption(SOL_SOCKET, SO_REUSEPORT, 1));
    if (isIPv6(host)) own.push(numberOption(IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0));
    setSocketOptions(descriptor, [...own, ...before]);
    const address = socketAddress(host, port);
    if (calls.bind(descriptor, address, address.length) !== 0) throw systemError(calls.errno());
    setSocketOptions(descriptor, after);
    return descriptor;
  } catch (error) {
    calls.close(descriptor);
    throw error;
  }
}

/**
 * Gives a socket that is about to connect, in the turn in which it was made, a descriptor that was told these options.
 * @throws SocketOptionError
 */
export function prepareConnect(socket: Socket, host: string, options: readonly SocketOption[]): void {
  if (isPipe(host)) {
    // It is connected already, or not at all.
    const connected = descriptorOf(socket);
    if (connected !== undefined) setSocketOptions(connected, options);
    return;
  }
  const calls = systemCalls();
  const { _handle: handle } = socket as unknown as { _handle: { open(descriptor: number): number } };
  const descriptor = openSocket(calls, host);
  try {
    setSocketOptions(descriptor, options);
    const status = handle.open(descriptor);
    if (status !== 0) throw systemError(-status);
  } catch (error) {
    calls.close(descriptor);
    throw error;
  }
}

function openSocket({ socket, errno }: SystemCalls, host: string): number {
  const family = isPipe(host) ? AF_UNIX : isIPv6(host) ? AF_INET6 : AF_INET;
  const descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw systemError(errno());
  return descriptor;
}

const pipeAddressSize = 110;

/** @see man 7 unix */
function pipeAddress(path: string): Buffer {
  const name = Buffer.from(systemPath(path));
  // A path ends with a zero; a name that stands in no file system ends where the address does.
  const address = Buffer.alloc(2 + name.length + (path.startsWith('@') ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  return address;
}

/** @see man 7 ip, man 7 ipv6 */
function socketAddress(host: string, port: number): Buffer {
  const six = isIPv6(host);
  const address = Buffer.alloc(six ? 28 : 16);
  address.writeUInt16LE(six ? AF_INET6 : AF_INET, 0);
  address.writeUInt16BE(port, 2);
  if (six) for (const [index, group] of groupsOf(host).entries()) address.writeUInt16BE(group, 8 + 2 * index);
  else for (const [index, byte] of host.split('.').entries()) address[4 + index] = Number(byte);
  return address;
}

/** The eight numbers of an address of IPv6. */
function groupsOf(host: string): number[] {
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::');
  const numbers = (text: string) => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [first, last] = [numbers(head), numbers(tail)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

function systemError(errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(systemText(errno)), { code });
}

/** `Protocol not available`, as the system's library has it. */
function systemText(errno: number): string {
  const text = getSystemErrorMessage(-errno);
  return text === undefined ? `error ${errno}` : text.charAt(0).toUpperCase() + text.slice(1);
}
