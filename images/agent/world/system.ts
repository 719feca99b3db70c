/** The few system calls that Node has no function for, through koffi. All are short, and none blocks. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import type koffiModule from 'koffi';
import { boxPaths } from '../../box/specification.ts';

type Koffi = typeof koffiModule;

/** The native file alone in the box; the package where the agent's parts are tested elsewhere. */
function loadKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  return require(existsSync(boxPaths.koffi) ? boxPaths.koffi : 'koffi') as Koffi;
}

const koffi = loadKoffi();
const libc = koffi.load(null);
const calls = {
  ioctl: libc.func('int ioctl(int descriptor, unsigned long request, void *argument)'),
  syscall: libc.func('long syscall(long number, long first, void *second, void *third, long fourth)'),
  recvmsg: libc.func('long recvmsg(int descriptor, void *message, int flags)'),
  setns: libc.func('int setns(int descriptor, int kind)'),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  connect: libc.func('int connect(int descriptor, void *address, uint32_t length)'),
  getsockopt: libc.func('int getsockopt(int descriptor, int level, int name, void *value, void *length)'),
  getpeername: libc.func('int getpeername(int descriptor, void *address, void *length)'),
  setfsuid: libc.func('int setfsuid(uint32_t id)'),
  setfsgid: libc.func('int setfsgid(uint32_t id)'),
  mkdirat: libc.func('int mkdirat(int folder, const char *path, uint32_t mode)'),
  posix_fallocate: libc.func('int posix_fallocate(int descriptor, int64_t offset, int64_t length)'),
};

/** An error of a system call, with Node's code for it. */
function failed(call: string, number = koffi.errno()): NodeJS.ErrnoException {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${call}: ${code}`), { code, errno: -number, syscall: call });
}

const setWindowSize = 0x5414;

/** Tells a pty its size; the programs in it get SIGWINCH. */
export function resizePty(descriptor: number, columns: number, rows: number): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  if (calls.ioctl(descriptor, setWindowSize, size) < 0) throw failed('ioctl');
}

const dontWait = 0x40;
const closeOnExec = 0x40000000;
const controlSize = 24;
const solSocket = 1;
const scmRights = 1;

/**
 * The descriptor that a peer passes on a unix socket (SCM_RIGHTS); undefined where nothing came yet. The structures are those of every 64-bit Linux.
 * @throws where something else came
 */
export function receiveDescriptor(socket: number): number | undefined {
  const data = Buffer.alloc(4096);
  const control = Buffer.alloc(controlSize);
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(koffi.address(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const message = Buffer.alloc(56);
  message.writeBigUInt64LE(koffi.address(vector), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(koffi.address(control), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  const length = Number(calls.recvmsg(socket, message, dontWait | closeOnExec));
  if (length < 0) {
    const error = failed('recvmsg');
    if (error.code === 'EAGAIN') return undefined;
    throw error;
  }
  const [level, type] = [control.readInt32LE(8), control.readInt32LE(12)];
  if (message.readBigUInt64LE(40) < 20n || level !== solSocket || type !== scmRights)
    throw new Error('no descriptor was passed');
  return control.readInt32LE(16);
}

const openat2 = 437;
const resolveNoMagicLinks = 0x02;
const resolveInRoot = 0x10;

/** Opens a path as if `root` were the root of all: no link leads out of it. */
export function openInRoot(root: number, path: string, flags: number, mode = 0): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(resolveNoMagicLinks | resolveInRoot), 16);
  const descriptor = Number(calls.syscall(openat2, root, Buffer.from(`${path}\0`), how, how.length));
  if (descriptor < 0) throw failed('open');
  return descriptor;
}

/** Makes a folder in an open folder; `name` is one component. */
export function makeFolder(folder: number, name: string, mode: number): void {
  if (calls.mkdirat(folder, name, mode) < 0) throw failed('mkdir');
}

/** Makes sure that a file can hold `length` bytes before anything in it changes. */
export function reserve(descriptor: number, length: number): void {
  const error = length > 0 ? calls.posix_fallocate(descriptor, 0, length) : 0;
  if (error !== 0) throw failed('fallocate', error);
}

/** Does something, synchronously, with the file rights of a user instead of root's. Only this thread has them, and only meanwhile. */
export function withFileRightsOf<T>(id: number, work: () => T): T {
  calls.setfsgid(id);
  calls.setfsuid(id);
  try {
    return work();
  } finally {
    calls.setfsuid(0);
    calls.setfsgid(0);
  }
}

const newNetwork = 0x40000000;
const stream = 1;
const nonBlocking = 0x800;
const socketCloseOnExec = 0x80000;
const inet = 2;
const inet6 = 10;
/** EINPROGRESS, the same on every Linux; Node has no name for it. */
const inProgress = 115;

/** An address for `connect`; IPv4, or IPv6 in eight groups or with `::`. */
function socketAddress(bytes: Buffer, port: number): Buffer {
  const address = Buffer.alloc(bytes.length === 4 ? 16 : 28);
  address.writeUInt16LE(bytes.length === 4 ? inet : inet6, 0);
  address.writeUInt16BE(port, 2);
  bytes.copy(address, bytes.length === 4 ? 4 : 8);
  return address;
}

/**
 * Begins a TCP connection from inside the network namespace at `path` and answers its socket. A socket belongs to the namespace that it was made
 * in, so this thread is there for one call only.
 */
export function connectIn(path: string, address: Buffer, port: number): number {
  const there = openSync(path, 'r');
  const here = openSync('/proc/self/ns/net', 'r');
  let descriptor: number;
  try {
    if (calls.setns(there, newNetwork) < 0) throw failed('setns');
    descriptor = calls.socket(address.length === 4 ? inet : inet6, stream | nonBlocking | socketCloseOnExec, 0);
    const error = descriptor < 0 ? failed('socket') : undefined;
    // Without its own network the agent must not go on.
    if (calls.setns(here, newNetwork) < 0) process.abort();
    if (error) throw error;
  } finally {
    closeSync(there);
    closeSync(here);
  }
  const peer = socketAddress(address, port);
  if (calls.connect(descriptor, peer, peer.length) < 0) {
    const number = koffi.errno();
    if (number !== inProgress) {
      closeSync(descriptor);
      throw failed('connect', number);
    }
  }
  return descriptor;
}

const socketError = 4;

/** Whether a connection that was begun is there. @throws where it was refused */
export function isConnected(descriptor: number): boolean {
  const value = Buffer.alloc(4);
  const length = Buffer.from([4, 0, 0, 0]);
  if (calls.getsockopt(descriptor, solSocket, socketError, value, length) < 0) throw failed('getsockopt');
  if (value.readInt32LE(0) !== 0) throw failed('connect', value.readInt32LE(0));
  const size = Buffer.from([28, 0, 0, 0]);
  return calls.getpeername(descriptor, Buffer.alloc(28), size) === 0;
}
